/** See elf-interpreter.mjs. */
export function setInterpreter(program: string, loader: string): void
