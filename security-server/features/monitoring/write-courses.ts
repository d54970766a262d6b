/** The job that writes what has ended: a row a second, whatever the number of exchanges, so that it costs each of them little. */
import type { Clock } from '#platform/clock.ts'
import type { Course } from '../../peer/course.ts'
import type { Buffer } from './buffer.ts'
import type { OperationalStore } from './store.ts'
import { type RecordRooms, writeRecord } from './write-record.ts'

const AT_ONCE = 2000
const DAY_S = 86_400

type Rooms = RecordRooms & {
  clock: Clock
  buffer: Buffer
  store: Pick<OperationalStore, 'add' | 'forgetBefore'>
  keepDays: number
  isSecret(course: Course): boolean
}

/** What was there when it began. When the database fails it throws, and the records stay in memory. */
export async function writeCourses(rooms: Rooms): Promise<void> {
  const { buffer, store, clock } = rooms
  for (let left = buffer.size(); left > 0; left -= AT_ONCE) {
    const courses = buffer.take(AT_ONCE)
    const lines: { open: string[]; secret: string[] } = { open: [], secret: [] }
    for (const course of courses) {
      const record = writeRecord(course, rooms)
      if (record === undefined) continue
      lines[rooms.isSecret(course) ? 'secret' : 'open'].push(JSON.stringify(record))
    }
    const at = Math.floor(clock() / 1000)
    try {
      await store.add([
        { at, secret: false, lines: lines.open },
        { at, secret: true, lines: lines.secret },
      ])
    } catch (cause) {
      buffer.putBack(courses)
      throw cause
    }
  }
}

export async function forgetOld({ store, clock, keepDays }: Rooms): Promise<void> {
  await store.forgetBefore(Math.floor(clock() / 1000) - keepDays * DAY_S)
}
