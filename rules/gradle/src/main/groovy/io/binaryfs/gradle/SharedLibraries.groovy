/** The shared libraries of this machine that programs need, as its loader finds them. */
package io.binaryfs.gradle

import groovy.transform.CompileStatic

import java.nio.file.Files
import java.nio.file.Path
import java.nio.file.Paths
import java.util.regex.Pattern

@CompileStatic
final class SharedLibraries {

    private static final Pattern FOUND = Pattern.compile(/(?m)(?:=> |^\s+)(\/\S+) \(0x/)
    private static final Pattern C_LIBRARY = Pattern.compile(/.*\/libc\.so\.\d+/)

    private static final Map<String, String> ENVIRONMENT = [LC_ALL: 'C', LD_LIBRARY_PATH: (String) null, LD_PRELOAD: (String) null]

    private SharedLibraries() {}

    /**
     * @param programs programs and libraries
     * @param home whose own libraries are left out
     * @return sorted, the loader among them
     */
    static SortedSet<Path> of(List<Path> programs, Path home) {
        List<String> words = ['ldd']
        words.addAll(programs*.toString())
        // ldd ends with 1 where one of many files is no dynamic program, and says so on its standard error.
        def output = Command.run(words, null, ENVIRONMENT).output
        SortedSet<Path> found = new TreeSet<>()
        def matcher = FOUND.matcher(output)
        while (matcher.find()) {
            def path = Paths.get(matcher.group(1)).normalize()
            found.add(path)
            // glibc opens this one by itself when a thread is cancelled or unwound.
            def unwinder = path.resolveSibling('libgcc_s.so.1')
            if (path.toString() ==~ C_LIBRARY && Files.exists(unwinder)) found.add(unwinder)
        }
        found.removeAll { Path path -> path.toRealPath().startsWith(home) }
        if (found.empty)
            throw new BinaryFsFailure('ldd-found-nothing', "ldd names no library of the JDK ($home)", 'Set `jdk` to one for this machine, or `systemLibraries` to false for a JDK that is linked statically.')
        found
    }
}
