/** Packs an application and a JDK into a library. */
package io.binaryfs.gradle

import groovy.json.JsonOutput
import groovy.transform.CompileStatic
import org.gradle.api.DefaultTask
import org.gradle.api.file.ConfigurableFileCollection
import org.gradle.api.file.RegularFile
import org.gradle.api.file.RegularFileProperty
import org.gradle.api.provider.Provider
import org.gradle.api.tasks.CacheableTask
import org.gradle.api.tasks.Input
import org.gradle.api.tasks.InputFiles
import org.gradle.api.tasks.Internal
import org.gradle.api.tasks.Nested
import org.gradle.api.tasks.OutputFile
import org.gradle.api.tasks.PathSensitive
import org.gradle.api.tasks.PathSensitivity
import org.gradle.api.tasks.TaskAction
import org.gradle.api.tasks.util.PatternSet

import java.nio.file.Files
import java.nio.file.Path
import java.nio.file.attribute.PosixFilePermissions
import java.util.concurrent.Callable

/**
 * What makes the next run short (a staging tree, the engine's state) is in the task's temporary directory and no output: bytes never depend on it,
 * and after an entry of the build cache was taken it still is right.
 */
@CacheableTask
class BinaryFsTask extends DefaultTask {

    /** What is packed, and how. */
    @Nested
    BinaryFsExtension image

    /** The library. Default: `build/binaryfs/NAME.so`. */
    @OutputFile
    final RegularFileProperty library = Compatibility.outputFile(this)

    /** One node of the image a line, as `binaryfs ls --json` prints them. Default: `build/binaryfs/NAME.contents.jsonl`. */
    @OutputFile
    final RegularFileProperty contents = Compatibility.outputFile(this)

    /** The library's digest, `sha256:…`. Default: `build/binaryfs/NAME.digest`. */
    @OutputFile
    final RegularFileProperty digest = Compatibility.outputFile(this)

    /** What is packed of the JDK. */
    @InputFiles
    @PathSensitive(PathSensitivity.RELATIVE)
    final ConfigurableFileCollection jdkFiles = project.files()

    BinaryFsTask() {
        def files = project.files({ image.jdk } as Callable)
        jdkFiles.from({ files.asFileTree.matching(new PatternSet().exclude(image.jdkExcludes.get()).exclude(new Dangling())) } as Callable)
        library.set(output('so'))
        contents.set(output('contents.jsonl'))
        digest.set(output('digest'))
    }

    private Provider<RegularFile> output(String suffix) {
        def name = project.provider({ "binaryfs/${image.imageName.get()}.$suffix".toString() } as Callable<String>)
        project.layout.buildDirectory.file(name)
    }

    /** Paths, modes and all else that decides about the bytes and that fingerprints of the input files leave out. */
    @Input
    String getLayout() {
        try {
            tree().digest()
        } catch (BinaryFsFailure failure) {
            // The action says it again, as the task's failure.
            failure.message
        }
    }

    /** The command line tool and its runtime, wherever they lie. */
    @Input
    String getTool() {
        try {
            cli().identity()
        } catch (BinaryFsFailure failure) {
            failure.message
        }
    }

    /** What starts the application in the image, without its arguments. */
    @Internal
    Provider<List<String>> getCommand() {
        project.provider({ ImageLayout.command(image) } as Callable<List<String>>)
    }

    /** The last run's report, as `binaryfs build --json` prints it. Other than an output, it tells times. */
    @Internal
    File getReport() {
        new File(temporaryDir, 'report.json')
    }

    /** The directory that the library is made from. */
    @Internal
    File getStagingDirectory() {
        new File(temporaryDir, 'staging/tree')
    }

    @TaskAction
    void pack() {
        def cli = cli()
        def staging = new StagingTree(temporaryDir.toPath().resolve('staging'))
        staging.update(tree())
        def file = library.get().asFile
        def built = cli.build([staging.root.toString(), '-o', file.path, '--state', state().toString()] + options(), logger)
        contents.get().asFile.setText(cli.list(file), 'UTF-8')
        digest.get().asFile.setText("${built.digest}\n", 'UTF-8')
        report.setText(JsonOutput.toJson(built) + '\n', 'UTF-8')
    }

    private List<String> options() {
        List<String> words = ['--layout', image.layout.get(), '--mtime', image.mtimeSeconds.get().toString(), '--owner', 'root']
        words += image.rules.get()
        words += image.hostPaths.get().collectMany { ['--host-path', it] }
        words += image.volumes.get().collectMany { ['--volume', it] }
        if (image.sealed.get()) words += '--sealed'
        if (image.strict.get()) words += '--strict'
        words + image.remoteCache.words()
    }

    private BinaryFsCli cli() {
        new BinaryFsCli(image.cli.get(), temporaryDir)
    }

    private ImageTree tree() {
        ImageLayout.of(image, jdkFiles.asFileTree)
    }

    /** The engine takes no state that others could have written to. */
    private Path state() {
        def directory = Files.createDirectories(temporaryDir.toPath().resolve('state'))
        Files.setPosixFilePermissions(directory, PosixFilePermissions.fromString('rwx------'))
    }
}
