/** The table of commands as lists, one for each place on the line: what may stand after these words. */
import { COMMANDS, SERVERS, type Words } from './words.ts'

export type Level = {
  /**
   * The words before, `bench log`; with an option at the end (`server order-export --format`) the values of
   * that option.
   */
  after: string
  entries: { word: string; summary: string }[]
}

/** Others could mean something to a shell, and are left out. */
const PLAIN = /^[A-Za-z0-9][\w.:/-]*$/
const OPTION = /^--[A-Za-z0-9][\w-]*=?$/
const LONGEST_SUMMARY = 72

/** `more`: the words of commands that are not in the table. */
export function levelsOf(more: Record<string, Words>): Level[] {
  const commands = Object.entries({ ...COMMANDS, ...more }).map(([name, words]): [string, Words] => [
    name,
    { ...words, summary: Object.hasOwn(COMMANDS, name) ? COMMANDS[name as 'log'].summary : words.summary },
  ])
  const servers = Object.entries(SERVERS).map(([name, summary]): [string, Words] => [
    name,
    { summary, options: ['--configuration='] },
  ])
  const top = { summary: '', options: ['--version'], words: Object.fromEntries([...commands, ...servers]) }
  return levelsFrom('', top)
}

function levelsFrom(after: string, { words = {}, options = [], values = {} }: Words): Level[] {
  const below = Object.entries(words).filter(([word]) => PLAIN.test(word))
  const join = (word: string): string => (after === '' ? word : `${after} ${word}`)
  return [
    {
      after,
      entries: [
        ...below.map(([word, { summary }]) => ({ word, summary: inOneLine(summary) })),
        ...[...options, '--help'].filter((one) => OPTION.test(one)).map((word) => ({ word, summary: '' })),
      ],
    },
    ...Object.entries(values).map(([option, known]) => ({
      after: join(option),
      entries: known.filter((one) => PLAIN.test(one)).map((word) => ({ word, summary: '' })),
    })),
    ...below.flatMap(([word, own]) => levelsFrom(join(word), own)),
  ]
}

/** Without what a shell reads inside quotes. */
function inOneLine(summary: string): string {
  const [first = ''] = summary.split(/[;\n]/, 1)
  const plain = first.replace(/[`\\"$\t]/g, '').replaceAll("'", '’')
  return plain.length > LONGEST_SUMMARY ? `${plain.slice(0, LONGEST_SUMMARY - 1)}…` : plain
}
