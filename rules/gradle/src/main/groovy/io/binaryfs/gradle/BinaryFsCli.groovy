/** The command line tool: where it is, which one it is, and its failures as ours. */
package io.binaryfs.gradle

import groovy.json.JsonOutput
import groovy.json.JsonSlurper
import groovy.transform.CompileStatic
import org.gradle.api.Project
import org.gradle.api.logging.Logger

import java.nio.file.Files
import java.nio.file.Path

@CompileStatic
final class BinaryFsCli {

    private final List<String> command
    private final Path program
    private final File directory

    /**
     * @param cli a command or an absolute path
     * @param directory where it runs: one without a configuration file, which the tool would read
     */
    BinaryFsCli(String cli, File directory) {
        this.directory = directory
        program = locate(cli)
        // A checkout on a file system without modes, or unpacked by something that drops them.
        command = !Files.isExecutable(program) && program.toString().endsWith('.js') ? ['node', program.toString()] : [program.toString()]
    }

    /** See {@link BinaryFsExtension#cli}. */
    static String find(Project project) {
        def named = project.findProperty('binaryfs.cli')?.toString() ?: System.getenv('BINARYFS')
        if (named) return named.contains('/') ? project.rootProject.file(named).path : named
        for (Project place : [project, project.rootProject]) {
            def installed = place.file('node_modules/.bin/binaryfs')
            if (installed.file) return installed.path
        }
        'binaryfs'
    }

    private static Path locate(String cli) {
        def places = cli.contains('/') ? [new File(cli)] : (System.getenv('PATH') ?: '').tokenize(':').collect { String it -> new File(it, cli) }
        def found = places.find { File place -> place.file }
        if (found == null)
            throw new BinaryFsFailure('cli-missing', "the command line tool is not there ($cli)", 'Install it with `npm install binaryfs`, or name it: `cli` of `binaryFs { … }`, `-Pbinaryfs.cli=…`, the variable BINARYFS.')
        found.toPath().toRealPath()
    }

    /** Changes with every version and every build of the tool and of the runtime that it puts into libraries, wherever it lies. */
    String identity() {
        def distribution = program.parent?.parent
        def text = new StringBuilder(Command.run(command + ['--version'], directory).output)
        if (distribution == null || !Files.exists(distribution.resolve('runtime/template.so'))) {
            text.append(Digests.sha256(program))
        } else {
            SortedMap<String, Path> files = new TreeMap<>()
            FollowedTree.visitFiles(distribution) { String relative, Path file ->
                // What a checkout has in it besides what is published.
                if (!relative.startsWith('runtime/obj/') && !relative.startsWith('.')) files.put(relative, file)
            }
            for (Map.Entry<String, Path> file : files.entrySet()) text.append(file.key).append('\0').append(Digests.sha256(file.value)).append('\n')
        }
        Digests.sha256(text.toString())
    }

    /** @return the fields of the event `built`; warnings go to the log */
    Map<String, Object> build(List<String> words, Logger logger) {
        def result = Command.run(command + ['build', '--json'] + words, directory)
        def events = result.output.readLines().findAll { String line -> line.startsWith('{') }.collect { String line -> new JsonSlurper().parseText(line) as Map<String, Object> }
        for (Map<String, Object> event : events) if (event.event == 'warning') logger.warn("binaryfs: ${event.code}: ${event.message}")
        def error = events.find { Map<String, Object> event -> event.event == 'error' }
        if (error != null) throw new BinaryFsFailure(error.code as String, error.message as String, error.remedy as String)
        def built = events.find { Map<String, Object> event -> event.event == 'built' }
        if (result.status != 0 || built == null) throw unexpected(result)
        logger.info(JsonOutput.toJson(built))
        built
    }

    /** @return a line for each node of the library */
    String list(File library) {
        def result = Command.run(command + ['ls', '--json', library.path], directory)
        if (result.status != 0) throw unexpected(result)
        result.output
    }

    private BinaryFsFailure unexpected(Command result) {
        new BinaryFsFailure('cli-failed', "${command.join(' ')} ended with status ${result.status}", (result.errors.trim() ?: result.output.trim()) ?: 'It said nothing.')
    }
}
