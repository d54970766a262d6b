/**
 * What somebody wrote at length, in a row among many: two lines of it, and all of it by a button that is
 * there only while something is cut off. All of it is in the page, for whoever listens, searches or prints.
 */
import { useEffect, useRef, useState } from 'preact/hooks'
import { text } from './text.ts'

export function LongText({ of, look = '' }: { of: string; look?: 'beside' | '' }) {
  const box = useRef<HTMLElement>(null)
  const [open, setOpen] = useState(false)
  const [isCut, setCut] = useState(false)
  useEffect(() => {
    const element = box.current
    if (open || element === null) return
    const measure = (): void => setCut(element.scrollHeight > element.clientHeight + 1)
    const observer = new ResizeObserver(measure)
    observer.observe(element)
    measure()
    return () => observer.disconnect()
  }, [of, open])
  return (
    <span class="long">
      <bdi ref={box} class={`${look} ${open ? 'wrap' : 'wrap clamped'}`.trim()}>
        {of}
      </bdi>
      {isCut && (
        <button type="button" class="fold" aria-expanded={open} onClick={() => setOpen(!open)}>
          {text(open ? 'kit.showLess' : 'kit.showAll')}
        </button>
      )}
    </span>
  )
}
