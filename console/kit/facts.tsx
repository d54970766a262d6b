/** The facts about one thing, as pairs of name and value; and a part of a page with its heading. */
import type { ComponentChildren } from 'preact'
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

export function Part(q: { title: string; acts?: ComponentChildren; children: ComponentChildren }) {
  return (
    <section class="part">
      <header>
        <h2>
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
