/**
 * The dialog of an act: what follows from it, its fields, and its answer where the answer is what somebody
 * wanted to see.
 */
import type { ComponentChildren, RefObject } from 'preact'
import { useId, useLayoutEffect, useRef, useState } from 'preact/hooks'
import { presentAddress } from './address.tsx'
import { type Answer, type Api, ApiFault, NoAnswer, type Session, takesTwo } from './api.ts'
import { useConsole } from './context.ts'
import { Copyable } from './copyable.tsx'
import { focusHappened, useDialogs } from './dialogs.tsx'
import { wordsOf } from './fault-words.ts'
import type { Field, Values } from './field.tsx'
import { Form } from './form.tsx'
import { AsksToLose } from './leave-question.tsx'
import { AnnounceContext, useAnnounce, useLiveRegion } from './live.tsx'
import { operations } from './operations.ts'
import { text } from './text.ts'

const NAME = 'nameOfTheThing'
const REASON = 'reasonOfTheProposal'
const MAX_REASON = 500

export type ActProps<T> = {
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
  /** A second person may have to decide about this one, whatever the policy says of others. */
  mayTakeTwo?: boolean
  look?: 'primary' | 'quiet'
  /** The act changes nothing, so the page is not reloaded. */
  reads?: boolean
  /**
   * The result is what somebody wanted to see: the dialog shows it until they close it. Else it closes when
   * the act is done.
   */
  shows?: boolean
  /** Calls the operation with `call`, which adds the reason when a second administrator must decide. */
  send(values: Values, call: Api['call']): Promise<Answer<T>>
  result(data: T, values: Values): ComponentChildren
  /** Called when the act is done and the dialog is closed. */
  then?(data: T): void
  /**
   * Called when the dialog is closed after an answer that did not come, or said that what the page shows may
   * have changed.
   */
  doubted?(by: ApiFault): void
}

type Done<T> = { answer: Answer<T>; values: Values }

export function ActDialog<T>(q: ActProps<T> & { close(): void }) {
  const { api, session } = useConsole()
  const { region, announce } = useLiveRegion()
  const dialog = useRef<HTMLDialogElement>(null)
  const close = useRef<HTMLButtonElement>(null)
  const id = useId()
  /** Something was typed that closing would lose; asked about when somebody closes. */
  const typed = useRef(false)
  const [asks, setAsks] = useState(false)
  const { done, doubt, tell } = useOutcome(q)
  const [isShown, setShown] = useState(false)
  const mayLeave = q.reads === true
  /** It was sent, and has no answer yet. */
  const sending = useRef(false)
  // Before the browser paints: the next key must not reach the page below.
  useLayoutEffect(() => dialog.current?.showModal(), [])
  useLayoutEffect(() => {
    if (isShown) close.current?.focus()
  }, [isShown])

  /** Browsers close a dialog at the second Escape whatever a page says, and a step back takes it away. */
  const isGone = (): boolean => dialog.current?.open !== true
  const send = async (values: Values): Promise<void> => {
    sending.current = true
    setAsks(false)
    try {
      // The reason and the typed name are not part of the act's own fields.
      const { [REASON]: why, [NAME]: _, ...own } = values
      const reason = why === undefined ? undefined : String(why)
      const answer = await q.send(own, (name, input) => api.call(name, { ...input, reason }))
      sending.current = false
      done.current = { answer, values }
      if (isGone()) tell({})
      else if (q.shows === true && answer.proposal === undefined) {
        announce(text('act.done'))
        setShown(true)
      } else dialog.current?.close()
    } catch (cause) {
      sending.current = false
      if (cause instanceof ApiFault && cause.status === 401) throw cause
      if (cause instanceof ApiFault && isUnsureAfter(cause)) doubt.current = cause
      if (cause instanceof ApiFault && isGone()) tell({ refused: cause })
      throw cause
    }
  }
  const cancel = (event?: Event): void => {
    // A file field inside says so too when its picker is left.
    if (event !== undefined && event.target !== dialog.current) return
    // Who leaves now would not see whether it was carried out. A look or a download may take long, and leaves
    // nothing half done.
    if (sending.current && !mayLeave) event?.preventDefault()
    else if (typed.current && done.current === undefined && !sending.current) {
      event?.preventDefault()
      setAsks(true)
    } else dialog.current?.close()
  }
  const closed = (): void => {
    q.close()
    if (!sending.current) tell({ isShown })
  }
  const isDanger = q.nameToType !== undefined
  const byTwo = byTwoNote(session, q.operation) ?? (q.mayTakeTwo ? 'act.mayBeProposed' : undefined)
  const byPasskey = byPasskeyNote(session, q.operation)
  return (
    <dialog ref={dialog} aria-labelledby={id} onClose={closed} onCancel={cancel}>
      <AnnounceContext.Provider value={announce}>
        <h2 id={id}>
          <bdi>{q.title}</bdi>
        </h2>
        {!isShown || done.current === undefined ? (
          <Form
            lead={
              <div class="consequence">
                {q.consequence}
                {byTwo && <p class="note">{text(byTwo)}</p>}
                {byPasskey && <p class="note">{text(byPasskey)}</p>}
              </div>
            }
            fields={[
              ...(q.fields ?? []),
              ...(byTwo ? [REASON_FIELD] : []),
              ...(isDanger ? [nameField(q.nameToType!)] : []),
            ]}
            submit={byTwo === 'act.willBeProposed' ? text('act.propose') : q.button}
            tone={isDanger ? 'danger' : undefined}
            send={send}
            cancel={() => cancel()}
            mayLeave={mayLeave}
            typed={(isTyped) => {
              typed.current = isTyped
            }}
          >
            {asks && <AsksToLose lose={() => dialog.current?.close()} stay={() => setAsks(false)} />}
            {isDanger && (
              <p class="name-to-type">
                <bdi>{q.nameToType}</bdi>
              </p>
            )}
          </Form>
        ) : (
          <Shown leave={close} close={() => dialog.current?.close()}>
            {q.result(done.current.answer.data, done.current.values)}
          </Shown>
        )}
      </AnnounceContext.Provider>
      {region}
    </dialog>
  )
}

/** What has become of the act, also when its dialog is not there any more. */
function useOutcome<T>(q: ActProps<T>) {
  const { changed } = useConsole()
  const announce = useAnnounce()
  const dialogs = useDialogs()
  const done = useRef<Done<T> | undefined>(undefined)
  /** An answer did not come, or says that the act was done before: the page must be reloaded. */
  const doubt = useRef<ApiFault | undefined>(undefined)
  const told = useRef(false)
  const [path] = useState(() => presentAddress().path)
  /**
   * Says it on the page, once. `isShown`: the dialog has shown the result; `refused`: it is not there to say
   * this.
   */
  const tell = ({ isShown = false, refused }: { isShown?: boolean; refused?: ApiFault }): void => {
    if (told.current) return
    told.current = true
    const [now, by] = [done.current, doubt.current]
    // Whoever has gone to another page stays there, and is not shown there what they wanted only to see.
    const isThere = presentAddress().path === path
    const isLeft = !isThere && q.reads === true && q.shows === true
    if ((now !== undefined || by !== undefined) && q.reads !== true) changed()
    if (by !== undefined && now === undefined && isThere) q.doubted?.(by)
    if (refused !== undefined) dialogs.happened(q.title, <NotDone by={refused} />)
    if (now === undefined) return
    const { proposal, data } = now.answer
    // What is shown is spoken by itself.
    if (proposal === undefined && !isShown && isLeft) announce(text('act.done'))
    if (proposal === undefined && isThere) q.then?.(data)
    if (proposal !== undefined) dialogs.happened(q.title, <Proposed {...proposal} />)
    else if (!isShown && !isLeft) dialogs.happened(q.title, q.result(data, now.values))
    if (document.activeElement === document.body) focusHappened()
  }
  return { done, doubt, tell }
}

/**
 * What to say of a second person; undefined where none is needed. The server decides whether this call is one
 * of those.
 */
function byTwoNote(session: Session, operation: string) {
  if (!takesTwo(session, operation)) return undefined
  const { byTwoWhen, fourEyes } = operations[operation] ?? {}
  if (byTwoWhen !== true) return 'act.willBeProposed'
  return fourEyes === 'exceptions' ? 'act.mayBeProposedForPeople' : 'act.mayBeProposed'
}

/** What to say of the passkey that confirms it; undefined where none is asked for. */
function byPasskeyNote({ passkeyForActs, kind, ...session }: Session, operation: string) {
  if (passkeyForActs !== true || operations[operation]?.passkey !== true) return undefined
  if (kind === 'person') return 'act.asksPasskey'
  return takesTwo({ kind, ...session }, operation) ? undefined : 'act.asksPerson'
}

function Shown(q: {
  leave: RefObject<HTMLButtonElement | null>
  close(): void
  children: ComponentChildren
}) {
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

function isUnsureAfter(fault: ApiFault): boolean {
  return fault instanceof NoAnswer || fault.status === 409 || fault.status >= 500
}

function NotDone({ by }: { by: ApiFault }) {
  return (
    <>
      {(by instanceof NoAnswer || by.status >= 500) && (
        <p>
          <strong>{text(by instanceof NoAnswer ? 'form.unanswered' : 'form.failed')}</strong>
        </p>
      )}
      {wordsOf(by).map((words) => (
        <p class="wrap" key={words}>
          {words}
        </p>
      ))}
      {by.status >= 500 && !(by instanceof NoAnswer) && <p>{text('kit.maybeDone')}</p>}
      {by.detail !== undefined && (
        <p>
          {text('kit.faultId')} <Copyable value={by.detail} />
        </p>
      )}
    </>
  )
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
