/**
 * What `make` gives, made when something of it is first asked for. Schemas of options are: there are hundreds of them,
 * each takes long to make, and a program uses a few. A schema that is a part of others is not: zod knows parts by identity.
 */
export function deferred<T extends object>(make: () => T): T {
  let made: T | undefined;
  const target = (): T => {
    made ??= make();
    return made;
  };
  return new Proxy({} as T, {
    get: (_, key) => Reflect.get(target(), key),
    has: (_, key) => Reflect.has(target(), key),
    ownKeys: () => Reflect.ownKeys(target()),
    getPrototypeOf: () => Reflect.getPrototypeOf(target()),
    getOwnPropertyDescriptor: (_, key) => {
      const property = Reflect.getOwnPropertyDescriptor(target(), key);
      return property && { ...property, configurable: true }; // a proxy may show no other kind that it lacks itself
    },
  });
}
