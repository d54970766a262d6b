/**
 * Lies over a page whose session has ended while something was typed: nothing of the page is in sight, and
 * what was typed is there again when the same person has signed in.
 */
import { useEffect, useId, useLayoutEffect, useRef, useState } from 'preact/hooks'
import { type Api, ApiFault, type Session } from './api.ts'
import { Form } from './form.tsx'
import { AsPerson, ByKey } from './session.tsx'
import { text } from './text.ts'

type Props = { api: Api; session: Session; enter(session: Session): void; lose(): void }

export function SessionEnded({ api, session, enter, lose }: Props) {
  const id = useId()
  const dialog = useRef<HTMLDialogElement>(null)
  const [closed, setClosed] = useState(0)
  // Browsers close a dialog at the second Escape whatever a page says.
  useLayoutEffect(() => {
    const shown = dialog.current
    shown?.showModal()
    // The focus goes back to where it was.
    return () => shown?.close()
  }, [closed])
  const goOn = async (): Promise<void> => enter(await api.open())
  const isPerson = session.kind === 'person'
  useEffect(() => {
    if (!isPerson) return
    // Who comes back from the other tab has signed in there, or looks for something.
    const look = (): void => {
      if (document.visibilityState === 'visible') goOn().catch(() => undefined)
    }
    document.addEventListener('visibilitychange', look)
    return () => document.removeEventListener('visibilitychange', look)
  }, [])
  return (
    <dialog
      ref={dialog}
      class="ended"
      aria-labelledby={id}
      onCancel={(event) => event.preventDefault()}
      onClose={() => setClosed((before) => before + 1)}
    >
      <h2 id={id}>{text('ended.title')}</h2>
      <p>
        {text('ended.kept')}{' '}
        <strong>
          <bdi>{session.name}</bdi>
        </strong>
      </p>
      <p class="beside">{text('ended.other')}</p>
      {isPerson ? (
        <>
          <AsPerson api={api} enter={enter} beside />
          <Form
            fields={[]}
            submit={text('ended.signedIn')}
            send={() =>
              goOn().catch((cause: unknown) => {
                if (cause instanceof ApiFault && cause.status === 401)
                  throw new ApiFault(401, { message: text('ended.notYet') })
                throw cause
              })
            }
          />
        </>
      ) : (
        <ByKey api={api} enter={enter} />
      )}
      <div class="acts">
        <button type="button" class="danger quiet" onClick={lose}>
          {text('form.loseIt')}
        </button>
      </div>
    </dialog>
  )
}
