/** A file of the image: where its bytes come from, and its mode. */
package io.binaryfs.gradle

import groovy.transform.CompileStatic

import java.nio.file.Files
import java.nio.file.Path
import java.nio.file.attribute.PosixFilePermission

@CompileStatic
final class ImageFile {

    /** The file that is copied, or null where `content` is all. */
    final Path source
    final byte[] content
    final boolean executable
    /** How Gradle's fingerprint names it: the task's property and the relative path. Null where no fingerprint covers it. */
    final String fingerprintKey

    private ImageFile(Path source, byte[] content, String fingerprintKey) {
        this.source = source
        this.content = content
        this.fingerprintKey = fingerprintKey
        // Of the owner, whoever asks: access(2) tells root that more is executable.
        executable = source != null && Files.getPosixFilePermissions(source).contains(PosixFilePermission.OWNER_EXECUTE)
    }

    static ImageFile copyOf(Path source, String fingerprintKey = null) {
        new ImageFile(source, null, fingerprintKey)
    }

    static ImageFile holding(String text) {
        new ImageFile(null, text.getBytes('UTF-8'), null)
    }

    String sha256() {
        content != null ? Digests.sha256(content) : Digests.sha256(source)
    }
}
