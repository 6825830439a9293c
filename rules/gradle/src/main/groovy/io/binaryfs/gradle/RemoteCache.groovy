/** `remoteCache { … }`: a cache of contents that builds on several machines share. */
package io.binaryfs.gradle

import groovy.transform.CompileStatic
import org.gradle.api.Project
import org.gradle.api.provider.Property

import javax.inject.Inject

@CompileStatic
class RemoteCache {

    /** Address of the cache. Without one, none is used. */
    final Property<String> url

    /** Whether this build only reads from it. Default: false. */
    final Property<Boolean> readOnly

    /** How long one answer may take. Default: the command line tool's. */
    final Property<Integer> timeoutSeconds

    @Inject
    RemoteCache(Project project) {
        url = project.objects.property(String)
        readOnly = project.objects.property(Boolean)
        timeoutSeconds = project.objects.property(Integer)
    }

    /** As words of the command line. */
    List<String> words() {
        if (!url.present) return []
        List<String> words = ['--remote-cache', url.get()]
        if (readOnly.getOrElse(false)) words.add('--remote-cache-read-only')
        if (timeoutSeconds.present) words.addAll(['--remote-timeout', timeoutSeconds.get().toString()])
        words
    }
}
