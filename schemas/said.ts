/**
 * Words of a server that it can say in each of its languages: a template in English and the values that stand
 * in it. They print themselves in English, for programs and logs; where an answer leaves for a reader of
 * another language, `inLanguage` says them.
 */
export type Word = string | number | Said

/**
 * A class, so that what is said is told from what has the same fields, and prints itself wherever a text is
 * expected.
 */
export class Said {
  /**
   * English, with {0}, {1} and so on where the values stand. It is the key of the catalogue in schemas/said.
   */
  readonly template: string
  readonly values: readonly Word[]

  constructor(template: string, values: readonly Word[] = []) {
    this.template = template
    this.values = values
  }

  toString(): string {
    return fillIn(this.template, this.values.map(String))
  }

  toJSON(): string {
    return this.toString()
  }
}

/**
 * English words of a catalogue that were kept as a text, or came from another thread: said again in the
 * language of who reads them.
 */
export class Kept extends Said {}

export function kept(text: string): Kept
export function kept(text: string | null): Kept | null
export function kept(text: string | null): Kept | null {
  return text === null ? null : new Kept(text)
}

/**
 * say`port ${port} does not answer`: the English stands where it is used; a test finds it and demands the
 * other languages.
 */
export function say(parts: TemplateStringsArray, ...values: Word[]): Said {
  return new Said(
    parts.map((part, index) => (index < values.length ? `${part}{${index}}` : part)).join(''),
    values,
  )
}

/** Several words with the same text between each two. */
export function listed(words: readonly Word[], between = ', '): Said {
  return new Said(words.map((_, index) => `{${index}}`).join(between), words)
}

/** Fills in once: what stands in a value is not filled in again. */
export function fillIn(template: string, values: readonly string[]): string {
  return template.replace(/\{(\d+)\}/g, (hole, index: string) => values[Number(index)] ?? hole)
}
