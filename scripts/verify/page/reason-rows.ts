/**
 * The words of servers that the page's program can say, in the other languages: they replace
 * schemas/fault-languages.ts in the page, which would bring the words of all servers.
 */
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { catalogue } from '#schemas/fault-catalogue.ts'

const SCHEMAS = path.join(import.meta.dirname, '../../../schemas')
const SAID = ['details', 'diagnosis', 'explanation', 'verdicts']
const LANGUAGES = ['es', 'et', 'fi', 'uk']
/** Stands in the program for the rows, which are known only when the rest of it is. */
const PLACE = '"the rows of what this program says"'

type Faults = Record<string, { text: string; remedy: string }>

/** The module that says words by the rows in the page. A row is a list, in the order of the languages. */
export const REASONS_MODULE = `
import { catalogue } from '#schemas/fault-catalogue.ts'
import { createInLanguage, rowsOfFault } from '#schemas/say-in-languages.ts'
const { languages, words, faults } = ${PLACE}
const rowOf = (said) => Object.fromEntries(languages.map((language, at) => [language, said[at]]))
const ofFaults = Object.entries(faults).flatMap(([code, [text, remedy]]) =>
  rowsOfFault(
    { english: catalogue[code].text, row: rowOf(text) },
    { english: catalogue[code].remedy, row: rowOf(remedy) },
  ),
)
const ofWords = Object.entries(words).map(([english, said]) => [english, rowOf(said)])
export const inLanguage = createInLanguage(new Map([...ofFaults, ...ofWords]))
`

/** The program with those rows in their place whose English it has. */
export async function withReasons(program: string): Promise<string> {
  if (program.split(PLACE).length !== 2) throw new Error('the program has not one place for its reasons')
  const words: Record<string, string[]> = {}
  for (const name of SAID)
    for (const [english, row] of Object.entries(await read<Record<string, string>>(`said/${name}`)))
      if (saysWords(program, english)) words[english] = LANGUAGES.map((language) => row[language]!)
  const texts = await Promise.all(
    LANGUAGES.map((language) => read<Faults[string]>(`faults/texts/${language}`)),
  )
  const codes = Object.keys(catalogue).filter((code) => program.includes(`"${code}"`))
  const faults = Object.fromEntries(
    codes.map((code) => [
      code,
      (['text', 'remedy'] as const).map((part) => texts.map((of) => of[code]![part])),
    ]),
  )
  const rows = JSON.stringify({ languages: LANGUAGES, words, faults })
  return program.replace(PLACE, () => rows)
}

/** Whether the program has the template: what is around its values is part of a backquoted text. */
function saysWords(program: string, english: string): boolean {
  const parts = english.split(/\{\d+\}/)
  return parts.every((part, at) => {
    const [start, end] = [at === 0 ? '`' : '}', at === parts.length - 1 ? '`' : '${']
    return program.includes(`${start}${part}${end}`)
  })
}

async function read<Of>(name: string): Promise<Record<string, Of>> {
  return JSON.parse(await readFile(path.join(SCHEMAS, `${name}.json`), 'utf8')) as Record<string, Of>
}
