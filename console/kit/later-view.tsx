/** A page whose script comes when somebody goes there, so that the first page of a console needs only its own. */
import { useEffect, useState } from 'preact/hooks'
import type { Page } from './contents.ts'
import { Head } from './facts.tsx'
import { Loading } from './placeholders.tsx'
import { text } from './text.ts'

type View = Awaited<ReturnType<Page['load']>>

const loaded = new Map<Page['load'], View>()

export function LaterView({ page, params }: { page: Page; params: Record<string, string> }) {
  const [state, setState] = useState<{ View: View } | 'loading' | 'failed'>(() => {
    const View = loaded.get(page.load)
    return View === undefined ? 'loading' : { View }
  })
  useEffect(() => {
    if (state !== 'loading') return
    let isLeft = false
    page.load().then(
      (View) => {
        loaded.set(page.load, View)
        if (!isLeft) setState({ View })
      },
      () => {
        if (!isLeft) setState('failed')
      },
    )
    return () => {
      isLeft = true
    }
  }, [state])
  if (typeof state === 'object') return <state.View params={params} />
  return (
    <>
      <Head title={text(page.title)} />
      {state === 'loading' ? <Loading /> : <NotLoaded />}
    </>
  )
}

/** The server cannot be reached, or has been updated, and the script has another name now. A browser keeps a failed import. */
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
