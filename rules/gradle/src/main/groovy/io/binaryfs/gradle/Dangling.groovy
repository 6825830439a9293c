/** Symbolic links that lead nowhere, as a Debian JDK has for packages that are not installed. */
package io.binaryfs.gradle

import groovy.transform.CompileStatic
import org.gradle.api.file.FileTreeElement
import org.gradle.api.specs.Spec

@CompileStatic
final class Dangling implements Spec<FileTreeElement> {

    @Override
    boolean isSatisfiedBy(FileTreeElement element) {
        !element.file.exists()
    }
}
