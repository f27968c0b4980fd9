//! The table form in which messages are written: number, name, fields; one row a message.

/// Declares messages. Each row becomes a struct with public fields in wire order and a [`Message`](super::Message)
/// implementation that reads and writes them. `Debug` tells strings by their length only: one may be a password.
macro_rules! messages {
    ($($(#[$doc:meta])* $number:literal $name:ident $(<$life:lifetime>)? { $($(#[$fdoc:meta])* $field:ident: $kind:ty),* $(,)? })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq)]
        pub struct $name $(<$life>)? { $($(#[$fdoc])* pub $field: $kind),* }

        impl core::fmt::Debug for messages!(@named $name '_ $($life)?) {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                let mut fields = f.debug_struct(stringify!($name));
                $(fields.field(stringify!($field), &core::fmt::from_fn(|f| $crate::wire::Field::show(&self.$field, f)));)*
                fields.finish()
            }
        }

        impl<'a> $crate::wire::Message<'a> for messages!(@named $name 'a $($life)?) {
            const NUMBER: u8 = $number;

            fn decode(body: &'a [u8]) -> Result<Self, $crate::wire::Malformed> {
                let reader = &mut $crate::wire::Reader::new(body);
                $(let $field = reader.read()?;)*
                reader.end()?;
                Ok(Self { $($field),* })
            }

            fn encode(&self, sink: &mut (impl $crate::wire::Sink + ?Sized)) {
                sink.u8($number);
                $($crate::wire::Field::encode(&self.$field, sink);)*
            }

            fn each(&self, with: &mut dyn FnMut(&'static str, $crate::wire::Value<'_>)) {
                // There are messages without fields.
                let _ = &with;
                $(with(stringify!($field), $crate::wire::Field::value(&self.$field));)*
            }
        }
    )*};
    (@named $name:ident $wire:lifetime $life:lifetime) => { $name<$wire> };
    (@named $name:ident $wire:lifetime) => { $name };
}

/// Declares the parts of a message that an earlier field chooses: like `messages!`, without a number.
macro_rules! fields {
    ($($(#[$doc:meta])* $name:ident $(<$life:lifetime>)? { $($(#[$fdoc:meta])* $field:ident: $kind:ty),* $(,)? })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq)]
        pub struct $name $(<$life>)? { $($(#[$fdoc])* pub $field: $kind),* }

        impl core::fmt::Debug for messages!(@named $name '_ $($life)?) {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                let mut fields = f.debug_struct(stringify!($name));
                $(fields.field(stringify!($field), &core::fmt::from_fn(|f| $crate::wire::Field::show(&self.$field, f)));)*
                fields.finish()
            }
        }

        impl<'a> messages!(@named $name 'a $($life)?) {
            /// Reads all of `body`; bytes left over are an error.
            pub fn decode(body: &'a [u8]) -> Result<Self, $crate::wire::Malformed> {
                let reader = &mut $crate::wire::Reader::new(body);
                $(let $field = reader.read()?;)*
                reader.end()?;
                Ok(Self { $($field),* })
            }

            /// Writes the fields.
            pub fn encode(&self, sink: &mut (impl $crate::wire::Sink + ?Sized)) {
                // There are rows without fields.
                let _ = &sink;
                $($crate::wire::Field::encode(&self.$field, sink);)*
            }

            /// Names and holdings of the fields, in order.
            pub fn each(&self, with: &mut dyn FnMut(&'static str, $crate::wire::Value<'_>)) {
                let _ = &with;
                $(with(stringify!($field), $crate::wire::Field::value(&self.$field));)*
            }
        }
    )*};
}

/// Declares messages that begin with their name in the place of a number: like `fields!`, with the name before each.
macro_rules! named {
    ($($(#[$doc:meta])* $wire:literal $name:ident $(<$life:lifetime>)? { $($fields:tt)* })*) => {
        fields! { $($(#[$doc])* $name $(<$life>)? { $($fields)* })* }

        $(impl messages!(@named $name '_ $($life)?) {
            /// The name.
            pub const NAME: &'static [u8] = $wire;
        })*
    };
}

pub(crate) use {fields, messages, named};
