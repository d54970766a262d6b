/** What each system did with a wish, or its end, as the systems answer; then the way back to the list. */
import { frameOf, type Place } from '../pages/frame.ts'
import { type Html, html, NOTHING } from '../pages/html.ts'
import { progressItem, type SignedIn, whyNot } from './list-page.ts'
import type { Told } from './one-first.ts'
import { readAsked } from './read-notices.ts'

export async function* actPage(q: {
  place: Place
  reader: SignedIn
  kind: 'asked' | 'ended'
  all: number
  answers: AsyncGenerator<Told>
  failed(thrown: unknown): void
}): AsyncGenerator<string> {
  const { words, session } = q.reader
  const title = words(`notices.${q.kind}.title`)
  const frame = frameOf(q.place, q.reader, { title, at: '/notices', section: 'uses' })
  yield `${frame.head.markup}${html`<h1>${title}</h1><p class="lead">${words(`notices.${q.kind}`)}</p><h2>${words('notices.by')}</h2><ul class="progress" role="list" aria-live="polite">`.markup}`
  let done = 0
  try {
    for await (const { system, answer } of q.answers) {
      if (session.ended.aborted) break
      if (answer === 'first') {
        const count = words('asking.count', { done: ++done, all: q.all })
        yield progressItem({ system, text: words('notices.first'), isGood: false }, count)
        continue
      }
      const isDone = 'status' in answer && answer.status === 200
      const asked = isDone && q.kind === 'asked' ? readAsked(answer.json) : undefined
      const isGood = q.kind === 'asked' ? asked !== undefined : isDone
      const text = isGood
        ? words(asked === undefined ? 'notices.done' : `notices.state.${asked.notice.state}`)
        : words(whyNot(answer))
      const count = words('asking.count', { done: ++done, all: q.all })
      yield progressItem(
        { system, text, isGood, more: secretOf(asked?.secret, words('notices.secret')) },
        count,
      )
    }
  } catch (thrown) {
    q.failed(thrown)
    yield html`<li>${words('asking.failed')}</li>`.markup
  }
  yield html`</ul><p class="go"><a class="button" href="/notices">${words('notices.back')}</a></p>`.markup
  yield frame.tail.markup
}

/** It is shown here and nowhere else. */
function secretOf(secret: string | undefined, text: string): Html {
  return secret === undefined ? NOTHING : html`<p>${text} <code>${secret}</code></p>`
}
