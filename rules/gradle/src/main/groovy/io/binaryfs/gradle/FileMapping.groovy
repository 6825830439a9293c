/** Files of the build and the directory of the image that they go to. */
package io.binaryfs.gradle

import groovy.transform.CompileStatic
import org.gradle.api.file.FileCollection

@CompileStatic
final class FileMapping {

    /** Absolute path in the image. */
    final String directory
    final FileCollection sources

    FileMapping(String directory, FileCollection sources) {
        this.directory = directory
        this.sources = sources
    }
}
