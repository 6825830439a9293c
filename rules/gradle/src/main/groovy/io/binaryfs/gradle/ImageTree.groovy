/** The tree that becomes the image: every directory and file by its path there. */
package io.binaryfs.gradle

import groovy.transform.CompileStatic

@CompileStatic
final class ImageTree {

    /** By path; a path starts with `/`. */
    final SortedMap<String, ImageFile> files = new TreeMap<>()
    final SortedSet<String> directories = new TreeSet<>()
    private final Set<String> keys = new HashSet<>()
    private final Set<String> ambiguousKeys = new HashSet<>()

    /** What is put later replaces a file of the same path. */
    void put(String path, ImageFile file) {
        directory(parent(path))
        if (directories.contains(path)) throw conflict(path)
        // A file that is replaced counts as well: fingerprints hold it.
        if (file.fingerprintKey != null && !keys.add(file.fingerprintKey)) ambiguousKeys.add(file.fingerprintKey)
        files.put(path, file)
    }

    /** Adds the directory and those above it. */
    void directory(String path) {
        if (!path.startsWith('/') || "$path/".contains('/../') || "$path/".contains('/./') || path.contains('//'))
            throw new BinaryFsFailure('bad-image-path', "not a usable path in the image ($path)", 'Paths in the image are absolute, without `.` and `..`: `/etc/app`.')
        for (String at = path; at != '/' && !directories.contains(at); at = parent(at)) {
            if (files.containsKey(at)) throw conflict(at)
            directories.add(at)
        }
    }

    /**
     * Identity of all that Gradle's fingerprints of the inputs leave out: paths in the image, empty directories, modes, and the contents of files that no
     * fingerprint covers. Where two files have one relative path, fingerprints do not say which is which, so the contents of these count too.
     */
    String digest() {
        def text = new StringBuilder()
        for (String path : directories) text.append('d\0').append(path).append('\n')
        for (Map.Entry<String, ImageFile> entry : files.entrySet()) {
            def file = entry.value
            text.append(file.executable ? 'x\0' : 'f\0').append(entry.key)
            def uncovered = file.fingerprintKey == null || ambiguousKeys.contains(file.fingerprintKey)
            text.append('\0').append(uncovered ? file.sha256() : file.fingerprintKey).append('\n')
        }
        Digests.sha256(text.toString())
    }

    private static String parent(String path) {
        int end = path.lastIndexOf('/')
        end <= 0 ? '/' : path.substring(0, end)
    }

    private static BinaryFsFailure conflict(String path) {
        new BinaryFsFailure('path-conflict', "a file and a directory have one path in the image ($path)", 'Give one of them another directory.')
    }
}
