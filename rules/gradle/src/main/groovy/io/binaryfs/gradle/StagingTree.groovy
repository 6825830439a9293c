/** A directory that is brought up to date with a tree: only what has changed is written, so that the engine's next build is short. */
package io.binaryfs.gradle

import groovy.transform.CompileStatic

import java.nio.file.DirectoryStream
import java.nio.file.Files
import java.nio.file.LinkOption
import java.nio.file.Path
import java.nio.file.StandardCopyOption
import java.nio.file.attribute.PosixFilePermission
import java.nio.file.attribute.PosixFilePermissions

/**
 * Valid without reading a file are those whose source and whose copy have the stat records that they had when their contents were equal. Whatever is
 * lost or wrong in these records, contents are compared and the directory comes out the same.
 */
@CompileStatic
final class StagingTree {

    // Modes are set and not asked for: the umask has no say.
    private static final Set<PosixFilePermission> PLAIN = PosixFilePermissions.fromString('rw-r--r--')
    private static final Set<PosixFilePermission> EXECUTABLE = PosixFilePermissions.fromString('rwxr-xr-x')
    private static final int BUFFER_BYTES = 1 << 16

    /** The copy of the tree. */
    final Path root
    private final Path records
    private final Path incoming
    private final Map<String, String> known
    private final Properties next = new Properties()

    /** @param directory this class's own */
    StagingTree(Path directory) {
        root = Files.createDirectories(directory.resolve('tree'))
        records = directory.resolve('records')
        incoming = directory.resolve('incoming')
        known = readRecords()
    }

    void update(ImageTree tree) {
        setMode(root, EXECUTABLE)
        removeOthers(tree)
        for (String path : tree.directories) {
            def directory = below(path)
            if (!Files.isDirectory(directory, LinkOption.NOFOLLOW_LINKS)) Files.createDirectory(directory)
            setMode(directory, EXECUTABLE)
        }
        for (Map.Entry<String, ImageFile> entry : tree.files.entrySet()) updateFile(entry.key, entry.value)
        writeRecords()
    }

    private Path below(String path) {
        root.resolve(path.substring(1))
    }

    private void removeOthers(ImageTree tree) {
        List<Path> others = []
        collectOthers(root, '', tree, others)
        for (Path other : others) {
            if (!Files.isDirectory(other, LinkOption.NOFOLLOW_LINKS)) Files.delete(other)
            else other.toFile().deleteDir()
        }
    }

    private static void collectOthers(Path directory, String prefix, ImageTree tree, List<Path> others) {
        Files.newDirectoryStream(directory).withCloseable { DirectoryStream<Path> children ->
            for (Path child : children) {
                def path = "$prefix/${child.fileName}".toString()
                if (Files.isDirectory(child, LinkOption.NOFOLLOW_LINKS)) {
                    if (tree.directories.contains(path)) collectOthers(child, path, tree, others)
                    else others.add(child)
                } else if (!tree.files.containsKey(path) || !Files.isRegularFile(child, LinkOption.NOFOLLOW_LINKS)) {
                    others.add(child)
                }
            }
        }
    }

    private void updateFile(String path, ImageFile file) {
        def copy = below(path)
        def mode = file.executable ? EXECUTABLE : PLAIN
        if (file.content != null) {
            if (!Files.exists(copy) || !Arrays.equals(Files.readAllBytes(copy), file.content)) {
                Files.write(incoming, file.content)
                bringIn(copy, mode)
            }
            setMode(copy, mode)
            return
        }
        def before = StatKey.of(file.source)
        def exists = Files.exists(copy)
        if (exists) setMode(copy, mode)
        def same = exists && (known.get(path) == record(file, before, copy) || sameContent(file.source, copy))
        if (!same) {
            Files.copy(file.source, incoming, StandardCopyOption.REPLACE_EXISTING)
            bringIn(copy, mode)
        }
        if (!before.young && before.text == StatKey.of(file.source).text) next.setProperty(path, record(file, before, copy))
    }

    private static String record(ImageFile file, StatKey source, Path copy) {
        "${file.source}\n${source.text}\n${StatKey.of(copy).text}".toString()
    }

    /** By rename: a file of the tree is complete at any time. */
    private void bringIn(Path copy, Set<PosixFilePermission> mode) {
        Files.setPosixFilePermissions(incoming, mode)
        Files.move(incoming, copy, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING)
    }

    private static void setMode(Path path, Set<PosixFilePermission> mode) {
        if (Files.getPosixFilePermissions(path) != mode) Files.setPosixFilePermissions(path, mode)
    }

    private static boolean sameContent(Path one, Path other) {
        if (Files.size(one) != Files.size(other)) return false
        new BufferedInputStream(Files.newInputStream(one), BUFFER_BYTES).withCloseable { BufferedInputStream left ->
            new BufferedInputStream(Files.newInputStream(other), BUFFER_BYTES).withCloseable { BufferedInputStream right ->
                int read
                while ((read = left.read()) == right.read()) if (read < 0) return true
                false
            }
        }
    }

    private Map<String, String> readRecords() {
        def properties = new Properties()
        try {
            if (Files.exists(records)) Files.newInputStream(records).withCloseable { InputStream input -> properties.load(input) }
        } catch (IOException | IllegalArgumentException ignored) {
            // Without records, contents are compared.
            properties.clear()
        }
        properties as Map<String, String>
    }

    private void writeRecords() {
        Files.newOutputStream(incoming).withCloseable { OutputStream output -> next.store(output, null) }
        Files.move(incoming, records, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING)
    }
}
