/** A service in the words of its description, and each operation with a form that calls it. */
import { useEffect, useRef, useState } from 'preact/hooks'
import { ApiFault } from '../../kit/api.ts'
import { useConsole } from '../../kit/context.ts'
import type { Values } from '../../kit/field.tsx'
import { Form } from '../../kit/form.tsx'
import { useAnnounce } from '../../kit/live.tsx'
import { useAnswer } from '../../kit/load.ts'
import { Markdown } from '../../kit/markdown.tsx'
import { Show } from '../../kit/placeholders.tsx'
import { text } from '../../kit/text.ts'
import { Answer } from './answer.tsx'
import { BY_HAND, callOf, fieldsOf, WHY } from './call-form.ts'
import {
  type Description,
  type Offered,
  type Operation,
  type Parties,
  serviceName,
  type Tried,
} from './shapes.ts'

/**
 * `why`: a proposal for the case and the reason. `ended`: a call was answered by the service, or this server
 * took none.
 */
type Props = {
  parties: Parties
  service: Offered
  why?: Record<string, string> | undefined
  ended?: ((how: 'answered' | 'notTaken') => void) | undefined
}

export function Described({ ended, parties, service, why }: Props) {
  const { serviceCode, serviceVersion, type } = service
  const version = serviceVersion === undefined ? {} : { serviceVersion }
  const newest = useAnswer<Description>('describeTryOut', {
    body: { ...parties, ...version, serviceCode, type },
  })
  // Read once: the form, and the answer below it, stay when something else on the page is read again.
  const kept = useRef(newest)
  if (kept.current.state !== 'there') kept.current = newest
  const found = kept.current
  const announce = useAnnounce()
  const heading = useRef<HTMLHeadingElement>(null)
  const isThere = found.state === 'there'
  const title = text('tryOuts.operations', { service: serviceName(service) })
  useEffect(() => {
    if (!isThere) return
    heading.current?.focus()
    announce(title)
  }, [isThere])
  return (
    <section class="inner">
      <h3 tabIndex={-1} ref={heading}>
        {title}
      </h3>
      <Show of={found}>
        {({ about, operations }) => (
          <>
            <About of={about} />
            <Operations {...{ parties, service, why, ended }} operations={operations} />
          </>
        )}
      </Show>
    </section>
  )
}

function About({ of }: { of: Description['about'] }) {
  if (of === null) return null
  const { title, version, description } = of
  return (
    <div class="about">
      {title !== '' && (
        <p>
          <strong>
            <bdi>{title}</bdi>
          </strong>{' '}
          {version !== '' && <span class="beside">{text('tryOuts.version', { version })}</span>}
        </p>
      )}
      {description !== '' && <Markdown text={description} />}
    </div>
  )
}

function Operations({ operations, ...asked }: Props & { operations: Operation[] }) {
  const { service } = asked
  const all = operations.length === 0 ? [undefined] : operations
  return (
    <>
      {operations.length === 0 && <p class="note">{text('tryOuts.byHand')}</p>}
      {all.map((operation) => {
        const name =
          operation === undefined || operation.path === ''
            ? serviceName(service)
            : `${operation.method} ${operation.path}`
        return (
          <details key={name} open={all.length === 1} class="operation">
            <summary>
              <bdi class="id">{name}</bdi> {operation?.summary}
            </summary>
            {operation !== undefined && operation.description !== '' && (
              <Markdown text={operation.description} />
            )}
            {service.allowed ? <Call {...asked} operation={operation} /> : <Answers of={operation} />}
          </details>
        )
      })}
    </>
  )
}

/** What could be asked and what would be answered, for a service that cannot be called yet. */
function Answers({ of }: { of: Operation | undefined }) {
  if (of === undefined) return null
  const asked = of.parameters.map(({ name, description }) => [name, description] as const)
  const answered = of.answers.map(({ status, description }) => [`HTTP ${status}`, description] as const)
  if (asked.length + answered.length === 0) return <p>{text('tryOuts.onceAllowed')}</p>
  return (
    <ul class="plain-list">
      {[...asked, ...answered].map(([name, description]) => (
        <li key={name}>
          <bdi class="id">{name}</bdi> <bdi>{description}</bdi>
        </li>
      ))}
    </ul>
  )
}

function Call({
  parties,
  service,
  why = {},
  ended,
  operation,
}: Props & { operation: Operation | undefined }) {
  const { api } = useConsole()
  const announce = useAnnounce()
  const [tried, setTried] = useState<Tried>()
  const { serviceCode, serviceVersion } = service
  const call = async (values: Values): Promise<void> => {
    setTried(undefined)
    const body = {
      ...{ ...parties, serviceCode, ...(serviceVersion !== undefined && { serviceVersion }) },
      ...callOf(operation, service, values),
    }
    try {
      const { data } = await api.call<Tried>('tryService', { body })
      setTried(data)
      announce(text(data.outcome === 'ANSWERED' ? 'tryOuts.answered' : 'tryOuts.refused'))
      if (data.outcome === 'ANSWERED') ended?.('answered')
    } catch (cause) {
      if (!(cause instanceof ApiFault && cause.status === 401)) ended?.('notTaken')
      throw cause
    }
  }
  const fields = operation === undefined ? BY_HAND : fieldsOf(operation, service)
  const reasons = WHY.map((field) => ({ ...field, initial: why[field.name] ?? '' }))
  return (
    <>
      <Form fields={[...fields, ...reasons]} submit={text('tryOuts.send')} send={call} />
      {tried !== undefined && <Answer of={tried} />}
    </>
  )
}
