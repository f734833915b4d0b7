/** Version of this software; a test holds it equal to package.json's. */
export const VERSION = '0.1.0';

/** Where the project is published; package.json says it, and a test holds this equal. */
export const REPOSITORY = 'https://github.com/ace-operator/ace-operator';
