/** A file that an act made: it is downloaded at once, and the page says so. */
import { useLayoutEffect } from 'preact/hooks'
import { save } from './save.ts'
import { text } from './text.ts'

export function Saved({ file }: { file: File }) {
  // Not later: what watches by itself may take this away before the browser has drawn it.
  useLayoutEffect(() => save(file), [file])
  return <p class="wrap">{text('file.saved', { name: file.name })}</p>
}
