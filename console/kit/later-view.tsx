/**
 * A page whose script comes when somebody goes there, so that the first page of a console needs only its own.
 */
import { useEffect, useState } from 'preact/hooks'
import { ANSWER_SECONDS, NoAnswer } from './api.ts'
import type { Page } from './contents.ts'
import { Head } from './facts.tsx'
import { Loading, Refused } from './placeholders.tsx'
import { loadLaterTexts, text } from './text.ts'

type View = Awaited<ReturnType<Page['load']>>

const loaded = new Map<Page['load'], View>()

/**
 * The script is a request like others: after as long as an answer of the API may take, the page says that it
 * waits.
 */
const LATE_AFTER_MS = ANSWER_SECONDS * 1000

/** A page with its texts: those of the first page are there. */
export async function loadPage({ path, load }: Page): Promise<View> {
  const [View] = await Promise.all([load(), path === '/' ? undefined : loadLaterTexts()])
  return View
}

type State = { View: View } | 'loading' | 'late' | 'failed'

export function LaterView({ page, params }: { page: Page; params: Record<string, string> }) {
  const [state, setState] = useState<State>(() => {
    const View = loaded.get(page.load)
    return View === undefined ? 'loading' : { View }
  })
  useEffect(() => {
    if (state !== 'loading') return
    let isLeft = false
    const tell = (next: State): void => {
      if (!isLeft) setState(next)
    }
    const timer = setTimeout(() => tell('late'), LATE_AFTER_MS)
    loadPage(page).then(
      (View) => {
        loaded.set(page.load, View)
        tell({ View })
      },
      () => tell('failed'),
    )
    return () => {
      isLeft = true
      clearTimeout(timer)
    }
  }, [state])
  if (typeof state === 'object') return <state.View params={params} />
  return (
    <>
      <Head title={text(page.title)} />
      {state === 'loading' && <Loading />}
      {state === 'late' && (
        <Refused fault={new NoAnswer(false, ANSWER_SECONDS)} again={() => setState('loading')} />
      )}
      {state === 'failed' && <NotLoaded />}
    </>
  )
}

/**
 * The server cannot be reached, or has been updated, and the script has another name now. A browser keeps a
 * failed import.
 */
function NotLoaded() {
  return (
    <div class="state refused" role="alert">
      <p>
        <strong>{text('kit.failed')}</strong>
      </p>
      <p>{text('frame.notLoaded')}</p>
      <button type="button" onClick={() => window.location.reload()}>
        {text('frame.reload')}
      </button>
    </div>
  )
}
