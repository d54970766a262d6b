/**
 * Says words in other languages by the rows of a catalogue: those of all servers (fault-languages.ts), or the
 * fewer ones that the page that verifies has inside.
 */
import { createRecognition } from './recognise-words.ts'
import { fillIn, Kept, Said, type Word } from './said.ts'

/** What one English text is in other languages, by their tags (BCP 47). */
export type Row = Readonly<Record<string, string>>
/** A text in English, and in the others. */
type Text = { english: string; row: Row }

/** `rows`: by their English. The words are said in English where a row, or a language in it, is missing. */
export function createInLanguage(rows: ReadonlyMap<string, Row>): (word: Word, language: string) => string {
  const recognise = createRecognition(rows.keys())
  const inLanguage = (word: Word, language: string): string => {
    if (!(word instanceof Said) || language === 'en') return String(word)
    if (word instanceof Kept) return inLanguage(recognise(word.template), language)
    const row = rows.get(word.template)
    const template = row !== undefined && Object.hasOwn(row, language) ? row[language]! : word.template
    return fillIn(
      template,
      word.values.map((each) => inLanguage(each, language)),
    )
  }
  return inLanguage
}

/** The rows of a fault: each of its two texts, and its message with and without details. */
export function rowsOfFault(text: Text, remedy: Text): [english: string, row: Row][] {
  const together = (between: string): [string, Row] => [
    `${text.english}${between}${remedy.english}.`,
    Object.fromEntries(
      Object.entries(text.row).map(([language, said]) => [
        language,
        `${said}${between}${remedy.row[language]}.`,
      ]),
    ),
  ]
  return [[text.english, text.row], [remedy.english, remedy.row], together('. '), together(' ({0}). ')]
}
