"""The sheet that a participant takes home: who keeps which distance until when, in English and Persian."""
