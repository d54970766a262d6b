/**
 * A section of a long form: fields that belong together, below a heading. One that few need is folded until
 * somebody opens it.
 */
import type { ComponentChildren } from 'preact'
import { useLayoutEffect, useRef } from 'preact/hooks'
import { type TextKey, text } from './text.ts'

export type Section = {
  name: string
  title: TextKey
  /** Values for the `{names}` in the title. */
  titled?: Record<string, string | number>
  /** Missing for one that is always open. */
  fold?: 'open' | 'closed'
  /** Below its fields: what adds more of them. */
  after?: ComponentChildren
}

type Props = { of: Section; isWrong: boolean; children: ComponentChildren }

export function FormSection({ of: { title, titled, fold, after }, isWrong, children }: Props) {
  const heading = text(title, titled)
  const inside = (
    <>
      <div class="fields">{children}</div>
      {after}
    </>
  )
  if (fold !== undefined)
    return (
      <Folded heading={heading} isOpen={fold === 'open'} isWrong={isWrong}>
        {inside}
      </Folded>
    )
  return (
    <fieldset class="group">
      <legend>{heading}</legend>
      {inside}
    </fieldset>
  )
}

type FoldedProps = { heading: string; isOpen: boolean; isWrong: boolean; children: ComponentChildren }

/** It opens for whoever has to see what is wrong in it, and is closed by people alone. */
function Folded({ heading, isOpen, isWrong, children }: FoldedProps) {
  const details = useRef<HTMLDetailsElement>(null)
  useLayoutEffect(() => {
    if (isWrong) details.current!.open = true
  }, [isWrong])
  return (
    <details class="group" ref={details} open={isOpen}>
      <summary>
        {heading} <span class="beside">{text('form.optional')}</span>
      </summary>
      {children}
    </details>
  )
}
