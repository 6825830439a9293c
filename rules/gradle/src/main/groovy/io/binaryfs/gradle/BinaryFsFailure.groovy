/** A failure in the two lines that the command line tool has for it: `binaryfs: CODE: what (path)`, and what to do. */
package io.binaryfs.gradle

import groovy.transform.CompileStatic
import org.gradle.api.GradleException

@CompileStatic
class BinaryFsFailure extends GradleException {

    BinaryFsFailure(String code, String what, String remedy) {
        super("binaryfs: $code: $what\n  $remedy".toString())
    }
}
