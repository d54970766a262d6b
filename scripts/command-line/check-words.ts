/**
 * Refuses a word or an option that a command does not have, before the command is loaded, and says which one
 * may have been meant.
 */
import { didYouMean } from './nearest-word.ts'
import type { Words } from './words.ts'

/**
 * One line about what is wrong, or undefined. `own` is what may follow `name`; a word that is none may still
 * be a file.
 */
export function wrongWord(name: string, own: Words, args: string[]): string | undefined {
  let at: Words = own
  let said = name
  for (const [index, one] of args.entries()) {
    if (one === '--') return undefined
    if (one === '--help' || one === '-h') return undefined
    if (one.startsWith('--')) {
      const wrong = wrongOption(said, one, optionsBelow(at))
      if (wrong !== undefined) return wrong
      continue
    }
    if (at.words === undefined || one.startsWith('-')) continue
    if (Object.hasOwn(at.words, one)) {
      said = `${said} ${one}`
      at = at.words[one]!
    } else if (index === 0) {
      const known = Object.keys(at.words)
      return `concordat ${said}: there is no ${JSON.stringify(one)}${didYouMean(one, known)}${seeHelp(said)}`
    }
  }
  return undefined
}

function wrongOption(said: string, given: string, options: Set<string>): string | undefined {
  const [option = ''] = given.split('=', 1)
  if (options.has(option)) return undefined
  return `concordat ${said}: there is no option ${JSON.stringify(option)}${didYouMean(option, [...options, '--help'])}${seeHelp(said)}`
}

function seeHelp(said: string): string {
  return `\nconcordat ${said} --help says what it takes.`
}

/** Options may stand before the word to which they belong. */
function optionsBelow({ options = [], words = {} }: Words): Set<string> {
  return new Set([
    ...options.map((option) => option.replace('=', '')),
    ...Object.values(words).flatMap((one) => [...optionsBelow(one)]),
  ])
}
