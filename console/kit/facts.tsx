/** The facts about one thing, as pairs of name and value; and a part of a page with its heading. */
import type { ComponentChildren } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import { type TextKey, text } from './text.ts'

/** The name of a fact that has no words of ours, as another program gave it. */
type GivenName = { given: string }

export function Facts({ of }: { of: [TextKey | GivenName, ComponentChildren][] }) {
  return (
    <dl class="facts">
      {of.map(([name, value]) => (
        <div key={typeof name === 'string' ? name : name.given}>
          <dt>{typeof name === 'string' ? text(name) : <bdi>{name.given}</bdi>}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  )
}

export function Part(q: {
  title: string
  /** An address that ends with it behind a # leads to this part of the page. */
  id?: string
  acts?: ComponentChildren
  children: ComponentChildren
}) {
  const heading = useRef<HTMLHeadingElement>(null)
  const isMeant = q.id !== undefined && window.location.hash === `#${q.id}`
  useEffect(() => {
    if (isMeant) heading.current?.focus()
  }, [isMeant])
  return (
    <section class="part">
      <header>
        <h2 ref={heading} tabIndex={isMeant ? -1 : undefined}>
          <bdi>{q.title}</bdi>
        </h2>
        {q.acts !== undefined && <div class="acts">{q.acts}</div>}
      </header>
      {q.children}
    </section>
  )
}

/** The head of a page: its only first-level heading, and the acts of the page. */
export function Head(q: { title: string; lead?: ComponentChildren; acts?: ComponentChildren }) {
  return (
    <header class="head">
      <div>
        <h1>
          <bdi>{q.title}</bdi>
        </h1>
        {q.lead !== undefined && <div class="lead">{q.lead}</div>}
      </div>
      {q.acts !== undefined && <div class="acts">{q.acts}</div>}
    </header>
  )
}
