"""The steps of the story that `workflow` tells, one idea a module.

asking        a plan remembered, shown and asked for; planner and gathering make it
choosing      the request form: what it offers, what is wrong with it
approving     a yes; reviewing: a no, and words; entitling and refusing: who may, and what is said
break_glass   at once and in public, with a review owed; nudging: a request helped along
stopping      cancel and stop; freezing: the switch that holds everybody back
advancing     what becomes of a request by itself: ticking, rejudging
lookups       questions and their answers: reading, alarming
people        who somebody is, and in which groups; sightings: who was seen as a full member
standing      whose no takes effect at once; auditing: a row for each attempt
"""
