/** Shows what a program in an image sees. It ends with status 0 only if all of it is there. */
package hello;

import greeting.Greeting;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.util.Arrays;
import java.util.Scanner;

public final class Main {

    private Main() {}

    public static void main(String[] args) throws IOException {
        System.out.println("program    " + System.getProperty("java.home") + " and " + System.getProperty("java.class.path"));
        System.out.println("resource   " + resource("/hello/name.txt"));
        System.out.println("module     " + Greeting.of(System.getProperty("hello.from")));
        System.out.println("config     " + text(Paths.get("/etc/hello/hello.properties")));
        System.out.println("undeclared " + (Files.exists(Paths.get("/etc/passwd")) ? "FOUND" : "absent"));
        System.out.println("arguments  " + Arrays.toString(args));
    }

    private static String text(Path file) throws IOException {
        return new String(Files.readAllBytes(file), StandardCharsets.UTF_8).trim();
    }

    private static String resource(String name) throws IOException {
        try (InputStream input = Main.class.getResourceAsStream(name)) {
            if (input == null) throw new IOException(name + " is not on the classpath");
            return new Scanner(input, "UTF-8").useDelimiter("\\A").next().trim();
        }
    }
}
