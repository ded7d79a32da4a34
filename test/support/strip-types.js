import { stripTypeScriptTypes } from 'node:module';

// Types become blanks, so a line and column in a stack trace are those of the source.
export default { process: (source) => ({ code: stripTypeScriptTypes(source) }) };
