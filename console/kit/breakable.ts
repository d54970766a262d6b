/**
 * Where a machine's text may go on in the next line: after the punctuation of identifiers and addresses,
 * before the words of one written together, and between groups of eight characters of a digest. So no
 * identifier breaks inside a word, and none makes its column as wide as itself.
 */
import { type ComponentChildren, createElement, options, type VNode } from 'preact'

/** Shorter texts fit anywhere. */
const FITS = 12
/** Parts longer than this get more places at which they may break. */
const LONG = 24
const AFTER_PUNCTUATION = /(?<=[:/.@?&=,_+-])(?=[^\s:/.@?&=,_+-])/u
const BEFORE_WORD = /(?<=[a-z])(?=[A-Z])/
const SPACES = /(?<=\s)(?=\S)/u
/** Of digests, and of whatever somebody wrote without any place to break. */
const GROUPS = /(?<=^(?:.{8})+)(?=.)/su

/** The text in the pieces that stay whole. Pure. */
function piecesOf(text: string): string[] {
  if (text.length <= FITS) return [text]
  return text
    .split(SPACES)
    .flatMap((word) => word.split(AFTER_PUNCTUATION))
    .flatMap((part) => {
      if (part.length <= LONG) return [part]
      const words = part.split(BEFORE_WORD)
      const isNoText = words.some(({ length }) => length > LONG) || words.length > part.length / 4
      return isNoText ? part.split(GROUPS) : words
    })
}

/**
 * Lets every `bdi` break as above: those elements show the names and identifiers that others chose. Call it
 * once.
 */
export function letIdentifiersBreak(): void {
  const before = options.vnode
  options.vnode = (node: VNode) => {
    if (node.type === 'bdi') {
      const props = node.props as { children?: ComponentChildren }
      if (typeof props.children === 'string' && props.children.length > FITS)
        props.children = broken(props.children)
    }
    before?.(node)
  }
}

function broken(text: string): ComponentChildren {
  return piecesOf(text).flatMap((piece, at) =>
    at === 0 ? [piece] : [createElement('wbr', { key: at }), piece],
  )
}
