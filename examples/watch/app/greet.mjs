/** Edit this while the server runs. */

export const greet = (name) => `Hello, ${name}!`;
