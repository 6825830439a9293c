import java.io.*;
import java.nio.charset.StandardCharsets;
import java.nio.file.*;
import java.util.concurrent.*;

/** Opens a resource of its own jar, starts 50 threads that read and write files, and looks for an undeclared host file. */
public final class Many {
  public static void main(String[] args) throws Exception {
    try (InputStream in = Many.class.getResourceAsStream("/message.txt")) {
      System.out.println("resource: " + new String(in.readAllBytes(), StandardCharsets.UTF_8).trim());
    }
    Path directory = Files.createTempDirectory("many");
    CountDownLatch done = new CountDownLatch(50);
    ConcurrentLinkedQueue<String> errors = new ConcurrentLinkedQueue<>();
    for (int i = 0; i < 50; i++) {
      final int n = i;
      new Thread(() -> {
        try {
          Path file = directory.resolve("file-" + n);
          for (int round = 0; round < 20; round++) {
            Files.writeString(file, "round " + round + "\n", StandardOpenOption.CREATE, StandardOpenOption.APPEND);
          }
          if (Files.readAllLines(file).size() != 20) errors.add("file-" + n + " is short");
        } catch (Throwable error) {
          errors.add(error.toString());
        } finally {
          done.countDown();
        }
      }).start();
    }
    done.await();
    errors.forEach(System.out::println);
    try (var list = Files.list(directory)) {
      System.out.println("files: " + list.count());
    }
    System.out.println("host file: " + Files.exists(Path.of(args[0])));
    Process child = new ProcessBuilder(ProcessHandle.current().info().command().orElse("java"), "-version").redirectErrorStream(true).start();
    child.getInputStream().readAllBytes();
    System.out.println("child: " + child.waitFor());
    if (!errors.isEmpty()) System.exit(1);
  }
}
