/**
 * An act as a button and a dialog. The dialog shows the consequence before and the result after; an act that cannot be undone
 * asks for the name of the thing. Callers who may not act do not see the button.
 */
import type { ComponentChildren, RefObject } from 'preact'
import { useId, useLayoutEffect, useRef, useState } from 'preact/hooks'
import { type Answer, type Api, ApiFault, NoAnswer, takesTwo } from './api.ts'
import { useConsole, useMay } from './context.ts'
import { Copyable } from './copyable.tsx'
import type { Field, Values } from './field.tsx'
import { Form } from './form.tsx'
import { useAnnounce } from './live.tsx'
import { text } from './text.ts'

const NAME = 'nameOfTheThing'
const REASON = 'reasonOfTheProposal'
const MAX_REASON = 500

type ActProps<T> = {
  /** The operation that is called: only its roles see the button. */
  operation: string
  button: string
  /** A distinct name for the button when several have the same text, as in the rows of a table. */
  label?: string
  title: string
  consequence: ComponentChildren
  fields?: Field[]
  /** For acts that cannot be undone: the name that must be typed. */
  nameToType?: string
  look?: 'primary' | 'quiet'
  /** The act changes nothing, so the page is not reloaded. */
  reads?: boolean
  /** Calls the operation with `call`, which adds the reason when a second administrator must decide. */
  send(values: Values, call: Api['call']): Promise<Answer<T>>
  result(data: T, values: Values): ComponentChildren
  /** Called when the result has been read and the dialog is closed. */
  then?(data: T): void
  /** Called when the dialog is closed after an answer that did not come, or said that what the page shows may have changed. */
  doubted?(by: ApiFault): void
}

type Done<T> = { answer: Answer<T>; values: Values }

export function Act<T>(q: ActProps<T>) {
  const { api, session, changed, signedOut } = useConsole()
  const announce = useAnnounce()
  const dialog = useRef<HTMLDialogElement>(null)
  const close = useRef<HTMLButtonElement>(null)
  const id = useId()
  const [open, setOpen] = useState(false)
  /** Something was typed that closing would lose; asked about when somebody closes. */
  const typed = useRef(false)
  const [asks, setAsks] = useState(false)
  const [done, setDone] = useState<Done<T>>()
  /** An answer did not come, or says that the act was done before: the page must be reloaded. */
  const doubt = useRef<ApiFault | undefined>(undefined)
  // Before the browser paints: the next key must not reach the page below.
  useLayoutEffect(() => {
    if (open) dialog.current?.showModal()
  }, [open])
  useLayoutEffect(() => {
    if (done !== undefined) close.current?.focus()
  }, [done])
  if (!useMay(q.operation)) return null

  const send = async (values: Values): Promise<void> => {
    try {
      // The reason and the typed name are not part of the act's own fields.
      const { [REASON]: why, [NAME]: _, ...own } = values
      const reason = why === undefined ? undefined : String(why)
      const answer = await q.send(own, (name, input) => api.call(name, { ...input, reason }))
      setDone({ answer, values })
      announce(text(answer.proposal === undefined ? 'act.done' : 'act.proposed'))
    } catch (cause) {
      if (cause instanceof ApiFault && cause.status === 401) return signedOut()
      if (cause instanceof ApiFault && isUnsureAfter(cause)) doubt.current = cause
      throw cause
    }
  }
  const cancel = (event?: Event): void => {
    // A file field inside says so too when its picker is left.
    if (event !== undefined && event.target !== dialog.current) return
    if (typed.current && done === undefined) {
      event?.preventDefault()
      setAsks(true)
    } else dialog.current?.close()
  }
  const closed = (): void => {
    setOpen(false)
    setAsks(false)
    typed.current = false
    setDone(undefined)
    const by = doubt.current
    doubt.current = undefined
    if ((done !== undefined || by !== undefined) && q.reads !== true) changed()
    if (by !== undefined && done === undefined) q.doubted?.(by)
    if (done === undefined) return
    if (done.answer.proposal === undefined) q.then?.(done.answer.data)
  }
  const isDanger = q.nameToType !== undefined
  const isProposed = takesTwo(session, q.operation)
  return (
    <>
      <button
        type="button"
        class={q.look ?? (isDanger ? 'danger quiet' : undefined)}
        aria-label={q.label}
        onClick={() => setOpen(true)}
      >
        {q.button}
      </button>
      {open && (
        <dialog
          ref={dialog}
          aria-labelledby={id}
          onClose={closed}
          onCancel={cancel}
          onInput={({ target }) => {
            typed.current ||= isTyped(target)
          }}
        >
          <h2 id={id}>
            <bdi>{q.title}</bdi>
          </h2>
          {done === undefined ? (
            <>
              <div class="consequence">
                {q.consequence}
                {isProposed && <p class="note">{text('act.willBeProposed')}</p>}
              </div>
              <Form
                fields={[
                  ...(q.fields ?? []),
                  ...(isProposed ? [REASON_FIELD] : []),
                  ...(isDanger ? [nameField(q.nameToType!)] : []),
                ]}
                submit={isProposed ? text('act.propose') : q.button}
                tone={isDanger ? 'danger' : undefined}
                send={send}
                cancel={() => cancel()}
              >
                {asks && <Asks lose={() => dialog.current?.close()} stay={() => setAsks(false)} />}
                {isDanger && (
                  <p class="name-to-type">
                    <bdi>{q.nameToType}</bdi>
                  </p>
                )}
              </Form>
            </>
          ) : (
            <Done leave={close} close={() => dialog.current?.close()}>
              {done.answer.proposal === undefined ? (
                q.result(done.answer.data, done.values)
              ) : (
                <Proposed {...done.answer.proposal} />
              )}
            </Done>
          )}
        </dialog>
      )}
    </>
  )
}

function Done(q: { leave: RefObject<HTMLButtonElement | null>; close(): void; children: ComponentChildren }) {
  return (
    <>
      <div class="result">{q.children}</div>
      <div class="acts">
        <button type="button" class="primary" ref={q.leave} onClick={q.close}>
          {text('act.close')}
        </button>
      </div>
    </>
  )
}

/** Text is lost when a dialog closes; a choice is made again with one click. */
function isTyped(target: EventTarget | null): boolean {
  const isText =
    target instanceof HTMLTextAreaElement || (target instanceof HTMLInputElement && target.type === 'text')
  return isText && target.value.trim() !== ''
}

function Asks({ lose, stay }: { lose(): void; stay(): void }) {
  const first = useRef<HTMLButtonElement>(null)
  useLayoutEffect(() => first.current?.focus(), [])
  return (
    <div class="note asks" role="alert">
      <p>{text('form.loses')}</p>
      <div class="acts">
        <button type="button" ref={first} onClick={stay}>
          {text('form.goOn')}
        </button>
        <button type="button" class="danger quiet" onClick={lose}>
          {text('form.loseIt')}
        </button>
      </div>
    </div>
  )
}

function isUnsureAfter(fault: ApiFault): boolean {
  return fault instanceof NoAnswer || fault.status === 409 || fault.status >= 500
}

function Proposed({ hash }: { id: string; hash: string }) {
  return (
    <>
      <p>
        <strong>{text('act.proposed')}</strong>
      </p>
      <p>{text('act.proposedWhy')}</p>
      <p>
        {text('act.hash')} <Copyable value={hash} label={text('act.hash')} />
      </p>
    </>
  )
}

const REASON_FIELD: Field = {
  name: REASON,
  title: 'act.reason',
  hint: 'act.reasonHint',
  type: 'long',
  maxLength: MAX_REASON,
}

function nameField(name: string): Field {
  return {
    name: NAME,
    title: 'act.name',
    hint: 'act.nameHint',
    check: (value) => (value.trim() === name.trim() ? undefined : text('act.nameWrong')),
  }
}
