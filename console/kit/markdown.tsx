/**
 * Markdown that others wrote, as elements that this file makes: no HTML of theirs, no image, no heading of
 * the page. A link shows where it leads and says nothing of this page to it. The reader is loaded only when
 * there is something to read.
 */
import type { Token } from 'markdown-it'
import { type ComponentChildren, h } from 'preact'
import { useEffect, useState } from 'preact/hooks'

type Parse = (text: string) => Token[]

/** What an element becomes; all others are shown as their content alone. */
const ELEMENTS: Record<string, string> = {
  ...{ p: 'p', ul: 'ul', ol: 'ol', li: 'li', blockquote: 'blockquote', em: 'em', strong: 'strong', s: 's' },
  // The headings of the page are its own.
  ...{ h1: 'p', h2: 'p', h3: 'p', h4: 'p', h5: 'p', h6: 'p' },
  ...{ table: 'table', thead: 'thead', tbody: 'tbody', tr: 'tr', th: 'th', td: 'td' },
}
const HEADING = /^h[1-6]$/
const ADDRESS = /^(https?:\/\/|mailto:)/i

let loading: Promise<Parse> | undefined

function load(): Promise<Parse> {
  loading ??= import('markdown-it').then(({ default: MarkdownIt }) => {
    const reader = new MarkdownIt({ html: false, linkify: false, typographer: false })
    return (text) => reader.parse(text, {})
  })
  return loading
}

/** Until the reader has come, and when it does not come, the text as it was written. */
export function Markdown({ text }: { text: string }) {
  const [parse, setParse] = useState<{ run: Parse }>()
  useEffect(() => {
    load().then(
      (run) => setParse({ run }),
      () => {
        loading = undefined
      },
    )
  }, [])
  if (parse === undefined) return <div class="markdown wrap">{text}</div>
  return <div class="markdown">{elementsOf(parse.run(text))}</div>
}

/** Opening and closing tokens enclose what is between them. */
function elementsOf(tokens: Token[]): ComponentChildren[] {
  type Open = { token: Token | undefined; children: ComponentChildren[] }
  const open: Open[] = [{ token: undefined, children: [] }]
  for (const [at, token] of tokens.entries()) {
    const inner = open.at(-1)!
    if (token.nesting === 1) open.push({ token, children: [] })
    else if (token.nesting === -1 && open.length > 1) {
      open.pop()
      open.at(-1)!.children.push(elementOf(inner.token!, inner.children, at))
    } else if (token.nesting === 0) inner.children.push(leafOf(token, at))
  }
  return open[0]!.children
}

function elementOf(token: Token, children: ComponentChildren[], key: number): ComponentChildren {
  const { tag } = token
  if (tag === 'a')
    return (
      <OutLink key={key} to={String(token.attrGet('href') ?? '')}>
        {children}
      </OutLink>
    )
  const name = Object.hasOwn(ELEMENTS, tag) ? ELEMENTS[tag]! : 'span'
  return h(name, { key, ...(HEADING.test(tag) && { class: 'heading' }) }, children)
}

function leafOf(token: Token, key: number): ComponentChildren {
  const { type, content, children } = token
  if (type === 'inline') return elementsOf(children ?? [])
  if (type === 'code_inline') return <code key={key}>{content}</code>
  if (type === 'fence' || type === 'code_block') return <pre key={key}>{content}</pre>
  if (type === 'softbreak') return '\n'
  if (type === 'hardbreak') return <br key={key} />
  if (type === 'hr') return <hr key={key} />
  // Of an image its words: to load it would tell others who reads this.
  return content
}

function OutLink({ to, children }: { to: string; children: ComponentChildren }) {
  if (!ADDRESS.test(to)) return <>{children}</>
  return (
    <>
      <a href={to} target="_blank" rel="noopener noreferrer">
        {children}
      </a>{' '}
      <span class="beside">
        (<bdi>{to}</bdi>)
      </span>
    </>
  )
}
