/** The JDK that is packed: which one, and which parts of it no running program opens. */
package io.binaryfs.gradle

import org.gradle.api.Project
import org.gradle.api.file.FileTreeElement
import org.gradle.api.specs.Spec

/** The toolchain is asked for by name: it came with Gradle 6.7. */
final class JavaHome {

    /** What link-time, development and a desktop need. `libfontmanager.so` stays: servers draw text, too. */
    static final List<String> EXCLUDES = [
        'jmods/**', 'include/**', 'man/**', 'docs/**', 'demo/**', 'sample/**', 'src.zip', 'lib/src.zip', 'lib/ct.sym',
        'lib/libawt_xawt.so', 'lib/libjawt.so', 'lib/libsplashscreen.so', 'lib/libatk-wrapper.so',
    ].asImmutable()

    private JavaHome() {}

    static File of(Project project) {
        def java = project.extensions.findByName('java')
        def service = project.extensions.findByName('javaToolchains')
        if (java?.hasProperty('toolchain') && service != null)
            return service.launcherFor(java.toolchain).get().metadata.installationPath.asFile
        new File(System.getProperty('java.home'))
    }
}

/** Symbolic links that lead nowhere, as a Debian JDK has for packages that are not installed. */
final class Dangling implements Spec<FileTreeElement> {
    @Override
    boolean isSatisfiedBy(FileTreeElement element) {
        !element.file.exists()
    }
}
