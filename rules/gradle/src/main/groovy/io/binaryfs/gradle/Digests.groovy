/** SHA-256 as text. */
package io.binaryfs.gradle

import groovy.transform.CompileStatic

import java.nio.file.Files
import java.nio.file.Path
import java.security.MessageDigest

@CompileStatic
final class Digests {

    private static final int BUFFER_BYTES = 1 << 16

    private Digests() {}

    static String sha256(byte[] bytes) {
        hex(MessageDigest.getInstance('SHA-256').digest(bytes))
    }

    static String sha256(String text) {
        sha256(text.getBytes('UTF-8'))
    }

    static String sha256(Path file) {
        def digest = MessageDigest.getInstance('SHA-256')
        def buffer = new byte[BUFFER_BYTES]
        Files.newInputStream(file).withCloseable { InputStream input ->
            int count
            while ((count = input.read(buffer)) >= 0) digest.update(buffer, 0, count)
        }
        hex(digest.digest())
    }

    private static String hex(byte[] digest) {
        String.format('%064x', new BigInteger(1, digest))
    }
}
