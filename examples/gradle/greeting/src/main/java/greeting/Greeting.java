/** The second module: a jar on the classpath of the first. */
package greeting;

public final class Greeting {

    private Greeting() {}

    public static String of(String name) {
        return "Hello, " + name;
    }
}
