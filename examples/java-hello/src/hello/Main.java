/** Reads a resource of its own jar, lists /, asks for an undeclared host file, runs 50 threads, writes a file and reads it back. */
package hello;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Collectors;
import java.util.stream.Stream;

public final class Main {
    private static final int THREADS = 50;

    private Main() {}

    public static void main(String[] arguments) throws IOException, InterruptedException {
        Path absent = Path.of(arguments.length > 0 ? arguments[0] : "/etc/passwd");
        Path written = Path.of(arguments.length > 1 ? arguments[1] : "/var/lib/hello/threads");

        say("program", "Java " + System.getProperty("java.version") + " at " + System.getProperty("java.home"));
        say("own resource", resource("greeting.txt"));
        say("/", names(Path.of("/")));
        boolean hidden = !Files.exists(absent);
        say(absent.toString(), hidden ? "absent" : "PRESENT: this is the host's file system");
        boolean fresh = writeFromThreads(written);
        System.exit(hidden && fresh ? 0 : 1);
    }

    private static void say(String what, String value) {
        System.out.printf("%-18s %s%n", what, value);
    }

    private static String resource(String name) throws IOException {
        try (InputStream stream = Main.class.getResourceAsStream(name)) {
            if (stream == null) {
                throw new IOException("the jar holds no " + name);
            }
            return new String(stream.readAllBytes(), StandardCharsets.UTF_8).strip();
        }
    }

    private static String names(Path directory) throws IOException {
        try (Stream<Path> entries = Files.list(directory)) {
            return entries.map(entry -> entry.getFileName().toString()).sorted().collect(Collectors.joining(" "));
        }
    }

    /** Each thread writes a file of its own; the sum of what is read back goes into one more. */
    private static boolean writeFromThreads(Path path) throws IOException, InterruptedException {
        boolean existed = Files.exists(path);
        Files.createDirectories(path.getParent());
        AtomicInteger sum = new AtomicInteger();
        List<Thread> threads = new ArrayList<>();
        for (int number = 1; number <= THREADS; number++) {
            int own = number;
            Thread thread = new Thread(() -> sum.addAndGet(roundTrip(path.resolveSibling("thread-" + own), own)));
            threads.add(thread);
            thread.start();
        }
        for (Thread thread : threads) {
            thread.join();
        }
        Files.writeString(path, Integer.toString(sum.get()));
        int readBack = Integer.parseInt(Files.readString(path));
        say("written", path + " holds " + readBack + ", the sum of " + THREADS + " threads' files; "
                + (existed ? "it EXISTED when this run began" : "it was absent when this run began"));
        return !existed && readBack == THREADS * (THREADS + 1) / 2;
    }

    private static int roundTrip(Path path, int number) {
        try {
            Files.writeString(path, Integer.toString(number));
            return Integer.parseInt(Files.readString(path));
        } catch (IOException error) {
            say(path.toString(), error.toString());
            return 0;
        }
    }
}
