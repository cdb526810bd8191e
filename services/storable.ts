/** Whether PostgreSQL takes the text as it is: no NUL, no half of a surrogate pair. */
export const isStorable = (text: unknown): text is string =>
  typeof text === 'string' && !/\0|\p{Surrogate}/u.test(text)
