/** The files below a directory; symbolic links are followed. */
package io.binaryfs.gradle

import groovy.transform.CompileStatic

import java.nio.file.FileVisitOption
import java.nio.file.FileVisitResult
import java.nio.file.Files
import java.nio.file.Path
import java.nio.file.SimpleFileVisitor
import java.nio.file.attribute.BasicFileAttributes

@CompileStatic
final class FollowedTree {

    private FollowedTree() {}

    /** @param visitor takes the path below the directory and the file */
    static void visitFiles(Path root, Closure<?> visitor) {
        Files.walkFileTree(root, EnumSet.of(FileVisitOption.FOLLOW_LINKS), Integer.MAX_VALUE, new SimpleFileVisitor<Path>() {
            @Override
            FileVisitResult visitFile(Path file, BasicFileAttributes attributes) {
                visitor.call(root.relativize(file).toString(), file)
                FileVisitResult.CONTINUE
            }
        })
    }
}
