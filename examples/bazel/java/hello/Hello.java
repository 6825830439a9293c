/** Prints a resource of its own jar; with --check, it ends with status 1 where files of the machine are in sight. */
package hello;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

public final class Hello {
    private Hello() {}

    public static void main(String[] arguments) throws IOException {
        try (InputStream stream = Hello.class.getResourceAsStream("greeting.txt")) {
            System.out.print(new String(stream.readAllBytes(), StandardCharsets.UTF_8));
        }
        System.out.println("Java " + System.getProperty("java.version") + " at " + System.getProperty("java.home"));
        if (List.of(arguments).contains("--check") && Files.exists(Path.of("/etc/passwd"))) {
            System.err.println("/etc/passwd is in sight");
            System.exit(1);
        }
    }
}
