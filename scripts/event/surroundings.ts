/**
 * What the verbs of `concordat event` share: streams, clock, arguments, and the form in which they refuse.
 */
import { type ParseArgsOptionsConfig, parseArgs } from 'node:util'
import { printable } from '#platform/plain-text.ts'
import { Fault } from '#schemas/fault.ts'

export type Surroundings = {
  /** Standard input. */
  input: AsyncIterable<Uint8Array>
  out: { write(chunk: string | Uint8Array): unknown }
  errors: { write(text: string): unknown }
  /** Milliseconds since 1970. */
  clock: () => number
}

/** The options and positional arguments. Throws `wrong_usage` for an option that there is not. */
export function argumentsOf<Options extends ParseArgsOptionsConfig>(args: string[], options: Options) {
  try {
    return parseArgs({ args, options, allowPositionals: true, strict: true })
  } catch (cause) {
    throw new Fault('wrong_usage', { what: (cause as Error).message.split('\n', 1)[0], cause })
  }
}

/** Throws `wrong_usage` for positional arguments of a verb that takes none. */
export function takesNone(positionals: readonly string[]): void {
  if (positionals.length > 0) throw wrongUsage(`${positionals[0]} is no option; files are named with --file`)
}

/** The value of an option that must be there. Throws `wrong_usage`. */
export function needed(value: string | undefined, name: string): string {
  if (value === undefined || value === '') throw wrongUsage(`--${name} is missing`)
  return value
}

/** `wrong_usage`, with which the command ends with exit code 2. */
export function wrongUsage(what: string): Fault {
  return new Fault('wrong_usage', { what })
}

/** One line on the error stream: `text` opens with the verb. */
export function sayError({ errors }: Surroundings, text: string): void {
  errors.write(`${printable(`concordat event ${text}`)}\n`)
}
