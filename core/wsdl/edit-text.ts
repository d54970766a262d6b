/** Changes in the text of an XML document that leave everything else as somebody wrote it. */
import { escapeXml } from '#core/xml/escape.ts'
import { attributesOf, type Tag } from '#core/xml/tags.ts'
import type { PlacedElement } from './read-outline.ts'

export type Edit = { from: number; to: number; text: string }

/** The part of a text from `from` to `to` with its changes, none of which overlap. */
export function withEdits(text: string, { from, to }: { from: number; to: number }, edits: Edit[]): string {
  const pieces: string[] = []
  let at = from
  for (const edit of edits.toSorted((one, other) => one.from - other.from)) {
    pieces.push(text.slice(at, edit.from), edit.text)
    at = edit.to
  }
  return [...pieces, text.slice(at, to)].join('')
}

export function without({ tag, end }: PlacedElement): Edit {
  return { from: tag.start, to: end, text: '' }
}

/** An attribute that the element does not have; the value is given as it is meant. */
export function withAttribute(tag: Tag, name: string, value: string): Edit {
  return inTag(tag, ` ${name}="${escapeXml(value)}"`)
}

export function withoutAttribute(tag: Tag, name: string): Edit[] {
  return attributesOf(tag)
    .filter((one) => one.name === name)
    .map(({ at, value, written }) => {
      const to = tag.start + at + value.length + 1
      return { from: to - written.length, to, text: '' }
    })
}

/**
 * The namespaces around an element that it may use, for its start tag, so that its text means the same
 * elsewhere.
 */
export function namespacesAround({ tag, around, end }: PlacedElement, text: string, elsewhere: string): Edit {
  const own = new Set(attributesOf(tag).map(({ name }) => name))
  const slice = text.slice(tag.start, end)
  const declared = [...around]
    .filter(([prefix]) => prefix !== '' && !own.has(`xmlns:${prefix}`) && slice.includes(`${prefix}:`))
    .map(([prefix, uri]) => ` xmlns:${prefix}="${quotable(uri)}"`)
  const usual = own.has('xmlns') ? '' : ` xmlns="${quotable(around.get('') ?? elsewhere)}"`
  return inTag(tag, `${usual}${declared.join('')}`)
}

function inTag({ start, name }: Tag, text: string): Edit {
  const at = start + 1 + name.length
  return { from: at, to: at, text }
}

/** As it is written, but it may have stood in single quotes. */
function quotable(written: string): string {
  return written.replaceAll('"', '&quot;')
}
