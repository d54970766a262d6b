/** A form that shows each error at its field, and all other errors in one place that gets the focus. */
import type { ComponentChildren } from 'preact'
import { useContext, useId, useLayoutEffect, useRef, useState } from 'preact/hooks'
import { ApiFault, NoAnswer } from './api.ts'
import { ConsoleContext } from './context.ts'
import { wordsOf } from './fault-words.ts'
import { type Field, FieldInput, type Values } from './field.tsx'
import { FormSection, type Section } from './form-section.tsx'
import { useAnnounce } from './live.tsx'
import { wrongMoment } from './moment.ts'
import { filledIn, rowsText } from './row-values.ts'
import { type TextKey, text, textIfAny } from './text.ts'
import { useUnsaved } from './unsaved.ts'

type Problems = { fields: Record<string, string>; title?: TextKey; whole?: string[] }

type Props = {
  /** What is to be read before its fields. */
  lead?: ComponentChildren
  fields: Field[]
  submit: string
  tone?: 'danger' | undefined
  send(values: Values): Promise<void>
  cancel?: () => void
  /** Cancel is there while it is sent, too. */
  mayLeave?: boolean
  /** Told whether there is something that would be lost. */
  typed?: (isTyped: boolean) => void
  /** Of a long form; each of its fields stands in one. */
  sections?: Section[]
  children?: ComponentChildren
}

export function Form(q: Props) {
  const { lead, fields, submit, tone, send, cancel, mayLeave = false, typed, sections, children } = q
  const id = useId()
  const announce = useAnnounce()
  /** Undefined where somebody signs in. */
  const inside = useContext(ConsoleContext)
  const [values, setValues] = useState<Values>(() =>
    Object.fromEntries(fields.map(({ name, initial = '' }) => [name, initial])),
  )
  /** As it was at first, or when it was last sent. */
  const [before, setBefore] = useState(values)
  const [problems, setProblems] = useState<Problems>({ fields: {} })
  const [sending, setSending] = useState(false)
  const summary = useRef<HTMLDivElement>(null)
  const wrong = fields.filter(({ name }) => problems.fields[name] !== undefined)
  const isWrong = wrong.length > 0 || problems.whole !== undefined
  useLayoutEffect(() => {
    if (isWrong) summary.current?.focus()
  }, [problems])
  const hasText = hasTyped(fields, values, before)
  const isTyped = hasText && !sending
  // A dialog that is sent tells what became of it wherever the person is; on a page, what was typed is lost
  // when it is refused.
  useUnsaved(hasText && (cancel === undefined || !sending), values)
  useLayoutEffect(() => typed?.(isTyped), [isTyped])

  const submitted = async (event: Event): Promise<void> => {
    event.preventDefault()
    if (sending) return
    const found = check(fields, values)
    setProblems({ fields: found })
    if (Object.keys(found).length > 0) return
    setSending(true)
    announce(text('form.sending'))
    try {
      await send(values)
      setBefore(values)
    } catch (cause) {
      // It was not sent: what was typed stays until the person has signed in again.
      if (inside !== undefined && cause instanceof ApiFault && cause.status === 401) inside.signedOut()
      else setProblems(problemsOf(cause, fields))
    } finally {
      setSending(false)
    }
  }
  const fieldId = (name: string): string => `${id}-${name}`
  const input = (field: Field) => (
    <FieldInput
      key={field.name}
      id={fieldId(field.name)}
      field={field}
      value={values[field.name]}
      error={problems.fields[field.name]}
      values={values}
      set={(value) => setValues((before) => ({ ...before, [field.name]: value }))}
    />
  )
  return (
    <form noValidate onSubmit={(event) => void submitted(event)}>
      {lead}
      {isWrong && (
        <div class="summary" role="alert" tabIndex={-1} ref={summary}>
          <p>
            <strong>{text(problems.title ?? 'form.wrong')}</strong>
          </p>
          {problems.whole?.map((words) => (
            <p class="wrap" key={words}>
              {words}
            </p>
          ))}
          <ul>
            {wrong.map(({ name, title, titled }) => (
              <li key={name}>
                <a
                  href={`#${fieldId(name)}`}
                  onClick={(event) => {
                    event.preventDefault()
                    document.getElementById(fieldId(name))?.focus()
                  }}
                >
                  {said(text(title, titled), problems.fields[name]!)}
                </a>
              </li>
            ))}
          </ul>
        </div>
      )}
      {sections === undefined
        ? fields.map(input)
        : sections.map((section) => {
            const own = fields.filter((field) => field.section === section.name)
            const isWrong = own.some(({ name }) => problems.fields[name] !== undefined)
            return (
              <FormSection key={section.name} of={section} isWrong={isWrong}>
                {own.map(input)}
              </FormSection>
            )
          })}
      {children}
      <div class="acts">
        <button type="submit" class={tone === 'danger' ? 'danger' : 'primary'} aria-disabled={sending}>
          {sending ? text('form.sending') : submit}
        </button>
        {cancel !== undefined && (
          <button type="button" disabled={sending && !mayLeave} onClick={cancel}>
            {text('form.cancel')}
          </button>
        )}
      </div>
    </form>
  )
}

/** Text, secrets and files are lost when a form goes; a choice is made again with one click. */
function hasTyped(fields: Field[], values: Values, before: Values): boolean {
  return fields.some((field) => {
    if (field.type === 'select' || field.type === 'checks') return false
    return saidIn(field, values) !== saidIn(field, before)
  })
}

/** Spaces at the ends say nothing, nor does a row without any text. */
function saidIn({ name, type }: Field, values: Values): string | File {
  const value = values[name] ?? ''
  if (typeof value !== 'string') return value
  return type === 'rows' ? rowsText(filledIn(value)) : value.trim()
}

/** The problem, which begins with the name of its field unless it names it already. */
function said(title: string, problem: string): string {
  return problem.toLowerCase().includes(title.toLowerCase()) ? problem : `${title}: ${problem}`
}

function check(fields: Field[], values: Values): Record<string, string> {
  const found: Record<string, string> = {}
  for (const field of fields) {
    const { name, required = true, check: fits } = field
    const value = values[name] ?? ''
    const isEmpty = saidIn(field, values) === ''
    const why = isEmpty || typeof value !== 'string' ? undefined : (wrongIn(field, value) ?? fits?.(value))
    if (isEmpty && required) found[name] = missing(field)
    else if (why !== undefined) found[name] = why
  }
  return found
}

/**
 * Names the field and what to do. A field whose title makes no good sentence has one of its own in the
 * catalogue.
 */
function missing({ title, titled, type }: Field): string {
  const own = textIfAny(`${title}.missing`)
  if (own !== undefined) return own
  const words = { title: text(title, titled) }
  if (type === 'file') return text('form.missingFile', words)
  if (type === 'checks') return text('form.missingChecks', words)
  return text(
    type === 'select' || type?.startsWith('pick') === true ? 'form.missingChoice' : 'form.missing',
    words,
  )
}

function wrongIn({ type }: Field, value: string): string | undefined {
  return type === 'date' || type === 'time' ? wrongMoment(value, type) : undefined
}

/** The API names a field that its schema refuses as "body.name"; any other fault is about the whole form. */
function problemsOf(cause: unknown, fields: Field[]): Problems {
  if (!(cause instanceof ApiFault)) throw cause
  if (cause instanceof NoAnswer) return { fields: {}, whole: wordsOf(cause, true), title: 'form.unanswered' }
  const field = fields.find(({ name, partOf = name }) =>
    new RegExp(`\\bbody\\.${partOf}\\b`).test(cause.message),
  )
  if (field !== undefined) return { fields: { [field.name]: cause.message } }
  const id = cause.detail === undefined ? '' : ` (${text('kit.faultId')} ${cause.detail})`
  const said = wordsOf(cause).join(' ') + id
  if (cause.status < 500) return { fields: {}, whole: [said] }
  return { fields: {}, whole: [said, text('form.keptToRepeat')], title: 'form.failed' }
}
