/** Text that changes whenever a file may have: what lets a file stay unread. */
package io.binaryfs.gradle

import groovy.transform.CompileStatic

import java.nio.file.Files
import java.nio.file.Path
import java.nio.file.attribute.FileTime
import java.util.concurrent.TimeUnit

@CompileStatic
final class StatKey {

    /** File systems count time in steps: within one, a second change leaves the record as it is. */
    private static final long YOUNG_MS = 2_000

    final String text
    /** Whether it is so fresh that a change may follow which it would not show. */
    final boolean young

    private StatKey(String text, boolean young) {
        this.text = text
        this.young = young
    }

    static StatKey of(Path file) {
        def now = System.currentTimeMillis()
        def attributes = Files.readAttributes(file, 'unix:dev,ino,size,lastModifiedTime,ctime')
        def ctime = attributes.get('ctime') as FileTime
        def mtime = attributes.get('lastModifiedTime') as FileTime
        def fields = [attributes.get('dev'), attributes.get('ino'), attributes.get('size'), mtime.to(TimeUnit.NANOSECONDS), ctime.to(TimeUnit.NANOSECONDS)]
        new StatKey(fields.join(' '), now - ctime.toMillis() < YOUNG_MS)
    }
}
