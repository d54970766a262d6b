/**
 * Reads secrets line by line from standard input, so that they are not in the shell's history. At a terminal
 * it asks for them and does not show what is typed.
 */
import { text } from 'node:stream/consumers'
import { CommandError } from './command-error.ts'

export type Secrets = (name: string) => Promise<string>

type Terminal = NodeJS.ReadStream & { isTTY?: boolean }

const MOST = 4096
const [INTERRUPT, END, ERASE] = ['\u0003', '\u0004', '\u007f']

/** Throws a CommandError when there is no further line, or the user cancels. */
export function createSecrets(
  input: Terminal = process.stdin,
  prompt: { write(text: string): unknown } = process.stderr,
): Secrets {
  let lines: string[] | undefined
  return async (name) => {
    if (input.isTTY === true) return ask(name, input, prompt)
    lines ??= (await text(input)).split(/\r?\n/)
    const line = lines.shift()
    if (line === undefined || line === '')
      throw new CommandError(2, `--${name} - wants a line on standard input`)
    return line
  }
}

function ask(name: string, input: Terminal, prompt: { write(text: string): unknown }): Promise<string> {
  prompt.write(`${name}: `)
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  let typed = ''
  const take = (chunk: Buffer | string): void => {
    for (const sign of String(chunk)) {
      if (['\r', '\n', END, INTERRUPT].includes(sign)) {
        end(sign === INTERRUPT ? 'interrupted' : undefined)
        return
      }
      if (sign === ERASE || sign === '\b') typed = [...typed].slice(0, -1).join('')
      else if (typed.length < MOST) typed += sign
    }
  }
  const end = (why?: string): void => {
    input.off('data', take)
    input.setRawMode(false)
    input.pause()
    prompt.write('\n')
    if (why === undefined && typed !== '') resolve(typed)
    else reject(new CommandError(2, `--${name}: ${why ?? 'nothing was typed'}`))
  }
  input.setRawMode(true)
  input.on('data', take)
  input.resume()
  return promise
}
