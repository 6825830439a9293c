/** Runs a command and collects what it prints; it ends with the build that is cancelled. */
package io.binaryfs.gradle

import groovy.transform.CompileStatic

@CompileStatic
final class Command {

    final int status
    final String output
    final String errors

    private Command(int status, String output, String errors) {
        this.status = status
        this.output = output
        this.errors = errors
    }

    /**
     * @param directory where it runs; null: where this process does
     * @param variables added to the environment; null as a value removes
     */
    static Command run(List<String> words, File directory, Map<String, String> variables = [:]) {
        def builder = new ProcessBuilder(words).directory(directory)
        for (Map.Entry<String, String> variable : variables.entrySet()) {
            if (variable.value == null) builder.environment().remove(variable.key)
            else builder.environment().put(variable.key, variable.value)
        }
        Process process
        try {
            process = builder.start()
        } catch (IOException error) {
            throw new BinaryFsFailure('command-missing', "${words[0]} cannot be run (${error.message})", 'Install it, or give its right path: `cli` of `binaryFs { … }` is that of binaryfs.')
        }
        process.outputStream.close()
        def output = new ByteArrayOutputStream()
        def errors = new ByteArrayOutputStream()
        def pumps = [process.consumeProcessOutputStream(output), process.consumeProcessErrorStream(errors)]
        try {
            int status = process.waitFor()
            for (Thread pump : pumps) pump.join()
            new Command(status, output.toString('UTF-8'), errors.toString('UTF-8'))
        } finally {
            process.destroy()
        }
    }
}
