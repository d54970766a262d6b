/** Placeholders for content: it is loading, there is none, it failed, or this person may not see it. */
import type { ComponentChildren } from 'preact'
import { Again } from './again.tsx'
import type { ApiFault } from './api.ts'
import { Copyable } from './copyable.tsx'
import { Head } from './facts.tsx'
import { wordsOf } from './fault-words.ts'
import type { Loaded } from './load.ts'
import { NotRefreshed } from './not-refreshed.tsx'
import { type TextKey, text } from './text.ts'

export function Loading() {
  return (
    <p class="state loading" role="status">
      {text('kit.loading')}
    </p>
  )
}

export function Empty({ children }: { children: ComponentChildren }) {
  return <div class="state empty">{children}</div>
}

export function Refused({ fault, again }: { fault: ApiFault; again?: () => void }) {
  // Other refusals, such as that of a client as which nobody may try services, say themselves what to do.
  if (fault.status === 403 && fault.type === 'forbidden') return <NoPermission />
  return (
    <div class="state refused" role="alert">
      <p>
        <strong>{text(fault.status === 404 ? 'kit.notFound' : 'kit.failed')}</strong>
      </p>
      {wordsOf(fault).map((words) => (
        <p class="wrap" key={words}>
          {words}
        </p>
      ))}
      {fault.detail !== undefined && (
        <p>
          {text('kit.faultId')} <Copyable value={fault.detail} />
        </p>
      )}
      {again !== undefined && <Again again={again} />}
    </div>
  )
}

export function NoPermission() {
  return (
    <div class="state refused">
      <p>
        <strong>{text('kit.noPermission')}</strong>
      </p>
      <p>{text('kit.noPermissionWhy')}</p>
    </div>
  )
}

type ShowProps<T> = {
  of: Loaded<T>
  /** Set when this is the whole page: its heading until the content has come. */
  page?: TextKey
  /** The same answer is shown above: that it could not be refreshed is told there. */
  quiet?: boolean
  children: (data: T) => ComponentChildren
}

/** Shows `children` with the answer, or the state of the answer. */
export function Show<T>({ of, page, quiet = false, children }: ShowProps<T>) {
  if (of.state === 'there') {
    return (
      <>
        {!quiet && <NotRefreshed of={of} />}
        {children(of.data)}
      </>
    )
  }
  return (
    <>
      {page !== undefined && <Head title={text(page)} />}
      {of.state === 'loading' ? <Loading /> : <Refused fault={of.fault} again={of.again} />}
    </>
  )
}
