"""
Names for synthetic people, as varied as those of children in England, and those that systems get wrong.
"""

from __future__ import annotations


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


# Accents, apostrophes, one word, length, scripts, characters beyond the basic plane.
AWKWARD_NAMES: tuple[tuple[str, str | None], ...] = (
    ("Siân", "O'Neill"),
    ("Łukasz", "Wójcik-Żak"),
    ("Suharto", None),
    ("Bartholomew-Maximilian", "Featherstonehaugh-Cholmondeley-Marjoribanks"),
    ("太郎", "𠮷田"),
    ("Zoë Mae", "van der Berg"),
    ("مريم", "الخطيب"),
    ("Jo", "Li"),
)
AWKWARD_SEXES = "FMMMMFFF"

GIRLS = _words(
    """
    Aaliyah Abigail Aisha Amara Amelia Anna Anya Ava Beatrice Bronwen Caitlin Carys Chloe Daisy Ebony
    Eilidh Eleanor Elizabeth Ella Erin Esme Esther Eva Evie Fatima Florence Freya Georgia Grace Hafsa
    Hannah Harriet Imogen Isabella Isla Ivy Jasmine Khadija Layla Leah Lily Lola Lucy Maisie Maja Maria
    Martha Maryam Matilda Maya Mia Millie Naomi Nia Niamh Nour Olivia Phoebe Poppy Priya Rosie Ruby
    Saoirse Sarah Scarlett Shanice Sofia Sophie Summer Tamsin Violet Willow Yasmin Zara Zofia Zuri Chloé
    Renée Zoë Maëlys Siobhán Jo-Anne
    """
)
BOYS = _words(
    """
    Aaron Abdullah Adam Ahmed Aidan Albert Alexander Alfie Ali Archie Arjun Arlo Arthur Ben Bogdan Caleb
    Callum Charlie Connor Daniel David Dev Dylan Edward Elijah Ellis Ethan Ezra Finley Frederick Gabriel
    George Gethin Hamza Harley Harry Henry Hugo Ibrahim Isaac Ivan Jack Jacob Jake James Jayden Joseph
    Joshua Jude Kai Kofi Kwame Leo Liam Logan Louis Lucas Luke Mason Max Michael Mohammed Musa Nathan
    Noah Oliver Omar Oscar Patrick Reuben Riley Rory Samuel Sebastian Teddy Theo Thomas Toby Tomasz
    Tyler William Yusuf Zac José André D'Angelo
    """
)
WOMEN = _words(
    """
    Abimbola Agnieszka Alison Amanda Angela Ayesha Bernadette Carol Catherine Claire Danielle Deborah
    Donna Emma Farzana Fiona Gemma Gwen Helen Ifeoma Jacqueline Jane Jennifer Joanne Julie Karen Kelly
    Laura Leanne Linda Lisa Louise Mandeep Margaret Marie Michelle Natalie Nicola Nighat Oluchi Parveen
    Rachel Rebecca Samantha Sandra Sharon Shireen Stacey Susan Svetlana Tracey Victoria Wanjiru Xin
    Yvonne Zainab
    """
)
MEN = _words(
    """
    Adebayo Andrew Anthony Asif Brian Christopher Colin Craig Darren Dean Delroy Derek Emeka Gareth Gary
    Gavin Graham Gurpreet Ian Iqbal Jamal Jason Jonathan Keith Kevin Lee Marcin Mark Martin Matthew
    Mehmet Neil Nigel Owen Paul Peter Philip Rajesh Richard Robert Sanjay Sean Simon Stephen Steven
    Stuart Tariq Terence Trevor Vikram Wayne Wei Winston Zoltan
    """
)
_ONE_WORD_FAMILIES = _words(
    """
    Adeyemi Ahmed Akhtar Ali Allen Anderson Bailey Baker Banerjee Begum Bell Bennett Brown Campbell
    Carter Chen Clark Collins Cooper Cox Davies Dixon Edwards Ellis Evans Fernandes Fisher Foster Garcia
    Gibson Gill Gordon Graham Grant Gray Green Griffiths Hall Harris Harrison Henry Hill Hughes Hunt
    Hussain Ibrahim Jackson James Jenkins Johnson Jones Kaur Kelly Khan King Knight Kowalski Kumar Lewis
    Lloyd Mahmood Marshall Martin Mason Miah Miller Mitchell Moore Morgan Morris Murphy Mwangi Nguyen
    Novak Okafor Osman Owen Palmer Patel Phillips Popescu Powell Price Reid Reynolds Richards Roberts
    Robinson Rogers Rose Russell Sahota Scott Shah Sharma Shaw Simpson Singh Smith Stevens Stewart
    Suleiman Taylor Thomas Thompson Turner Uddin Walker Ward Watson White Williams Wilson Wood Wright
    Yilmaz Young Zhang O'Brien O'Connor D'Souza MacDonald McKenzie Ångström Müller Núñez Đorđević
    Åkesson Smith-Okonkwo Al-Hashimi
    """
)
FAMILIES = (*_ONE_WORD_FAMILIES, "St. John", "Ó Súilleabháin", "van der Merwe", "de la Cruz")
STREETS = (
    "Test Street",
    "Sample Road",
    "Example Lane",
    "Mock Avenue",
    "Specimen Close",
    "Trial Crescent",
    "Pattern Way",
    "Model Terrace",
)
TOWNS = ("Exampleton", "Sampleford", "Testbury", "Mockham", "Specimen-on-Sea", "Trialwick")
